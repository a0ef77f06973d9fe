"""LoadGen's file names, apart from `harness.loadgen` so that reading a log does not import LoadGen."""

DETAIL_LOG = "mlperf_log_detail.txt"
SUMMARY_LOG = "mlperf_log_summary.txt"
ACCURACY_LOG = "mlperf_log_accuracy.json"
