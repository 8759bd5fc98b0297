package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sample is what the server's metrics say at one moment.
type sample struct {
	At     float64 `json:"at"` // seconds since the first
	Meters int64   `json:"meters"`
	CPU    float64 `json:"cpu"` // seconds of processor time since the first
	RSS    float64 `json:"rss"` // bytes
	Heap   float64 `json:"heap"`
}

// watch scrapes metrics until ctx ends, and once more then. It reports what it could read; an address that gives none
// is an error.
func watch(ctx context.Context, url string, every time.Duration, meters func() int64) ([]sample, error) {
	begin, samples := time.Now(), []sample(nil)
	take := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		m, err := scrape(ctx, url)
		if err != nil {
			return fmt.Errorf("reading the server's metrics: %w", err)
		}
		s := sample{
			At: time.Since(begin).Seconds(), Meters: meters(), CPU: m["process_cpu_seconds_total"],
			RSS: m["process_resident_memory_bytes"], Heap: m["go_memstats_heap_inuse_bytes"],
		}
		samples = append(samples, s)
		return nil
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := take(); err != nil {
			return nil, err
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			err := take()
			base := samples[0].CPU
			for i := range samples {
				samples[i].CPU -= base
			}
			return samples, err
		}
	}
}

// scrape reads the metrics that have no labels.
func scrape(ctx context.Context, url string) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	m := map[string]float64{}
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			m[name] = v
		}
	}
	return m, nil
}
