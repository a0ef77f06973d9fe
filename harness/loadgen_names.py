"""LoadGen's file names, apart from `harness.loadgen` so that reading a log does not import LoadGen."""

DETAIL_LOG = "mlperf_log_detail.txt"
ACCURACY_LOG = "mlperf_log_accuracy.json"
