package caddymodule

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Results of a request, as the metric gives them.
const (
	resultAllowed = "allowed"
	resultRefused = "refused"
)

// The collectors are made once, so that they count on over reloads, and are
// registered with each configuration's own registry. No label names a token or
// a user: their number has no bound, and metrics have readers.
var (
	requestsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy",
		Subsystem: "mcp_token",
		Name:      "requests_total",
		Help:      "Requests to guarded routes, by result and by the reason of refusals.",
	}, []string{"result", "reason"})

	decisionSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy",
		Subsystem: "mcp_token",
		Name:      "decision_duration_seconds",
		Help:      "Time from the arrival of a request to the decision on it, the reading of its body included.",
		Buckets:   []float64{1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 0.1, 1, 10},
	}, []string{"result"})

	endedTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy",
		Subsystem: "mcp_token",
		Name:      "ended_requests_total",
		Help:      "Running requests that were ended because their token was taken away, by reason.",
	}, []string{"reason"})
)

// registerMetrics makes a configuration's registry show the collectors.
func registerMetrics(registry *prometheus.Registry, a *App) error {
	if registry == nil {
		return nil
	}
	for _, collector := range []prometheus.Collector{requestsTotal, decisionSeconds, endedTotal, gauges{a}} {
		err := registry.Register(collector)
		if _, twice := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !twice {
			return err
		}
	}
	return nil
}

// count counts the decision on e.
func (e *exchange) count(result string, reason tokenstore.Reason) {
	requestsTotal.WithLabelValues(result, string(reason)).Inc()
	decisionSeconds.WithLabelValues(result).Observe(time.Since(e.began).Seconds())
}

var (
	tokensDesc = prometheus.NewDesc("caddy_mcp_token_tokens",
		"Tokens by status.", []string{"status"}, nil)
	liveDesc = prometheus.NewDesc("caddy_mcp_token_live_requests",
		"Requests running now.", nil, nil)
)

// gauges asks the token service at the moment of the scrape.
type gauges struct{ app *App }

// Describe implements prometheus.Collector.
func (gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- tokensDesc
	ch <- liveDesc
}

// Collect implements prometheus.Collector. It opens no store, and shows nothing
// while none is open.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	gateway := g.app.opened.Load()
	if gateway == nil {
		return
	}
	stats := gateway.Stats()
	for status, n := range map[tokenstore.Status]int{
		tokenstore.StatusActive:   stats.Active,
		tokenstore.StatusExpiring: stats.Expiring,
		tokenstore.StatusExpired:  stats.Expired,
		tokenstore.StatusDisabled: stats.Disabled,
	} {
		ch <- prometheus.MustNewConstMetric(tokensDesc, prometheus.GaugeValue, float64(n), string(status))
	}
	ch <- prometheus.MustNewConstMetric(liveDesc, prometheus.GaugeValue, float64(stats.Live))
}
