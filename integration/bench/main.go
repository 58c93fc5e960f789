// Command bench measures what the gateway costs: plain reverse_proxy, the same
// with a token check, and with rules for MCP messages, in one process, against
// one upstream, in turn.
//
//	go run ./integration/bench            # about half a minute
//	go run ./integration/bench -short     # a second, to see that it works
//
// The numbers of one run compare with each other and with nothing else: the
// clients, the upstream and the server share the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"
)

func main() {
	o := options{clients: 16, rounds: 8, duration: time.Second, tokens: 1000}
	flag.IntVar(&o.clients, "clients", o.clients, "concurrent clients")
	flag.IntVar(&o.rounds, "rounds", o.rounds, "how often each way is measured")
	flag.DurationVar(&o.duration, "duration", o.duration, "how long each time")
	flag.IntVar(&o.tokens, "tokens", o.tokens, "tokens in the database")
	flag.StringVar(&o.binary, "binary", "", "the binary to measure, instead of building it")
	short := flag.Bool("short", false, "measure so briefly that the numbers mean little")
	flag.Parse()
	if *short {
		o.rounds, o.duration, o.tokens = 2, 100*time.Millisecond, 10
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	clients, rounds, tokens int
	duration                time.Duration
	binary                  string
}

func run(ctx context.Context, o options) error {
	b, err := setUp(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()

	results := make([]result, len(b.ways))
	for round := range o.rounds + 1 {
		for i := range b.ways {
			// A different one begins each round: a machine that slows down
			// during a round slows all alike.
			i = (i + round) % len(b.ways)
			r, err := measure(ctx, b.ways[i], o.clients, o.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", b.ways[i].name, err)
			}
			if round > 0 { // the first warms up
				results[i].add(r)
			}
		}
	}
	report(b.ways, results)
	return nil
}

// report prints each way beside the first.
func report(ways []way, results []result) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trequests/s\tof plain\tmedian\tmore\tp99\t")
	base := results[0]
	for i, r := range results {
		fmt.Fprintf(w, "%s\t%.0f\t%.1f %%\t%v\t%+v\t%v\t\n", ways[i].name,
			r.rate(), 100*r.rate()/base.rate(),
			r.quantile(0.5), r.quantile(0.5)-base.quantile(0.5), r.quantile(0.99))
	}
	w.Flush()
}
