package pebble

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry/store"
)

// BenchmarkPointRead reads rows in turn through the store and with bare Pebble from the same database, in slices so
// short that whatever else the machine does meets both, and reports the median of the slices' ratios.
func BenchmarkPointRead(b *testing.B) {
	for _, rows := range []int{1, 2} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			s, ctx := benchStore(b), context.Background()
			fill(b, s.db)
			n, sum := uint64(0), 0
			look := func(value []byte) { // nobody reads what he does not look at
				for i := 0; i < len(value); i += 32 {
					sum += int(value[i])
				}
			}
			key := func() []byte { n++; return benchKey(n*7919%benchRows, 0) }
			read := func(r store.Reader) error {
				for range rows {
					value, ok, err := r.Get(key())
					if err != nil || !ok {
						return fmt.Errorf("row %d: found %t: %w", n, ok, err)
					}
					look(value)
				}
				return nil
			}
			ours := func() error { _, err := s.View(ctx, read); return err }
			bare := func() error {
				for range rows {
					value, closer, err := s.db.Get(key())
					if err != nil {
						return err
					}
					look(value)
					_ = closer.Close() // frees memory only
				}
				return nil
			}
			const slice = 100
			took := func(do func() error) float64 {
				begin := time.Now()
				for range slice {
					if err := do(); err != nil {
						b.Fatal(err)
					}
				}
				return float64(time.Since(begin)) / slice
			}
			var ratios, ourTimes, bareTimes []float64
			b.ResetTimer()
			for i := range b.N {
				var a, c float64
				if i%2 == 0 {
					a, c = took(ours), took(bare)
				} else {
					c, a = took(bare), took(ours)
				}
				ratios, ourTimes, bareTimes = append(ratios, a/c), append(ourTimes, a), append(bareTimes, c)
			}
			b.ReportMetric(median(ratios), "xbare")
			b.ReportMetric(median(ourTimes), "store-ns")
			b.ReportMetric(median(bareTimes), "bare-ns")
		})
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}
