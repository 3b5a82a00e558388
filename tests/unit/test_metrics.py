"""Metrics of the gateway."""

from tui.gateway.metrics import Metrics, exposition


def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.count("turns_total")
    metrics.count("refusals_total", label='code="3006"')
    text = exposition(metrics.counts, {"sessions": 2})
    assert "livegist_gateway_turns_total 1\n" in text
    assert "livegist_gateway_partials_total 0\n" in text
    assert 'livegist_gateway_refusals_total{code="3006"} 1\n' in text
    assert "livegist_gateway_sessions 2\n" in text
    assert "# TYPE livegist_gateway_sessions gauge\n" in text
