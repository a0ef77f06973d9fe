"""Compliance tests of MLPerf inference: how their logs are held against those of the runs that they vouch for."""
