"""What others load and show: Prometheus' rules and Grafana's dashboard, as plain files."""
