package ratelimit_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/ratelimit"
	"github.com/gridtie/gridtie/registry/rate"
)

func set(t testing.TB, limits ...rate.Limit) *ratelimit.Set {
	t.Helper()
	s, err := ratelimit.NewSet(limits...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func one(key string, s *ratelimit.Set, of ratelimit.Class, n int64) ratelimit.Claim[string] {
	c := ratelimit.Claim[string]{Key: key, Set: s}
	c.Take[of] = n
	return c
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	type step struct {
		at   time.Duration
		n    int64
		want bool
		wait time.Duration // of a refusal
	}
	for _, c := range []struct {
		name  string
		limit rate.Limit
		steps []step
	}{
		{"two a minute, one more every half", "2:60", []step{
			{0, 1, true, 0},
			{0, 1, true, 0},
			{0, 1, false, 30 * time.Second},
			{29 * time.Second, 1, false, time.Second},
			{30 * time.Second, 1, true, 0},
			{30 * time.Second, 1, false, 30 * time.Second},
			{10 * time.Minute, 2, true, 0}, // no more than a bucket full comes back
			{10 * time.Minute, 1, false, 30 * time.Second},
		}},
		{"all have to hold", "2:1,3:60", []step{
			{0, 2, true, 0},
			{time.Second, 1, true, 0},
			{time.Second, 1, false, 19 * time.Second}, // the second of the minute's three comes back at 20 s
			{2 * time.Second, 1, false, 18 * time.Second},
			{20 * time.Second, 1, true, 0},
		}},
		{"several at once", "10:10", []step{
			{0, 7, true, 0},
			{0, 4, false, time.Second},
			{0, 3, true, 0},
			{5 * time.Second, 5, true, 0},
		}},
		{"more than there can ever be", "10:10", []step{
			{0, 11, false, 10 * time.Second},
			{0, 10, true, 0},
		}},
		{"nothing costs nothing", "1:60", []step{{0, 1, true, 0}, {0, 0, true, 0}}},
		{"a clock that is set back", "1:60", []step{
			{time.Hour, 1, true, 0},
			{0, 1, true, 0}, // and not refused for an hour
			{0, 1, false, time.Minute},
		}},
		{"thirds of a second", "3:1", []step{{0, 3, true, 0}, {time.Second / 3, 1, true, 0}, {time.Second / 3, 1, false, 333333333}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			table, s := ratelimit.NewTable[string](10), set(t, c.limit)
			for i, step := range c.steps {
				r, granted := table.Take(step.at, one("a", s, 0, step.n))
				if granted != step.want || r.Wait != step.wait {
					t.Errorf("step %d: got %t, wait %s, want %t, %s", i, granted, r.Wait, step.want, step.wait)
				}
			}
		})
	}
}

// TestAllOrNothing: who is refused by one limit does not use up another.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	table := ratelimit.NewTable[string](10)
	narrow, wide := set(t, "", "1:60"), set(t, "9:60", "9:60")
	both := []ratelimit.Claim[string]{one("all", wide, 1, 1), one("own", narrow, 1, 1)}
	if _, granted := table.Take(0, both...); !granted {
		t.Error("the first was refused")
	}
	for range 100 {
		if r, granted := table.Take(0, both...); granted || r.Claim != 1 || r.Of != 1 {
			t.Fatalf("got %+v, %t, want the second claim's limit 1", r, granted)
		}
	}
	if r, granted := table.Look(0, one("all", wide, 1, 8)); !granted {
		t.Errorf("the other limit was used up: %+v", r)
	}
	if _, granted := table.Take(0, one("own", nil, 1, 100), one("own", narrow, 0, 100)); !granted {
		t.Error("what has no limit was refused")
	}
}

func TestLookTakesNothing(t *testing.T) {
	t.Parallel()
	table, s := ratelimit.NewTable[string](10), set(t, "1:1")
	for range 3 {
		if _, granted := table.Look(0, one("a", s, 0, 1)); !granted {
			t.Fatal("refused")
		}
	}
	if table.Len() != 0 {
		t.Errorf("keys: got %d, want 0", table.Len())
	}
}

// TestAnotherSet: limits that are the same go on where they were, others begin anew.
func TestAnotherSet(t *testing.T) {
	t.Parallel()
	table := ratelimit.NewTable[string](10)
	for i, c := range []struct {
		limit rate.Limit
		want  bool
	}{
		{"1:60", true},
		{"1:60", false},
		{"1:61", true},
		{"1:61", false},
		{"1:60,5:5", true},
		{"3:60", true},
		{"3:60", true},
		{"3:60", true},
		{"3:60", false},
	} {
		if _, granted := table.Take(0, one("a", set(t, c.limit), 0, 1)); granted != c.want {
			t.Errorf("%d: got %t, want %t", i, granted, c.want)
		}
	}
}

// TestForgetting: what is silent is forgotten when its buckets are full, not before, and there are never too many.
func TestForgetting(t *testing.T) {
	t.Parallel()
	table, s := ratelimit.NewTable[string](100), set(t, "1:300")
	for i := range 1000 {
		table.Take(0, one(fmt.Sprint(i), s, 0, 1))
	}
	if n := table.Len(); n > 100 || n < 50 {
		t.Errorf("keys: got %d, want 50 to 100", n)
	}
	now := 299 * time.Second
	if _, granted := table.Take(now, one("999", s, 0, 1)); granted {
		t.Error("the last one was forgotten before its time")
	}
	for range 3 {
		now += 300 * time.Second
		table.Take(now, one("other", s, 0, 1))
	}
	if n := table.Len(); n != 1 {
		t.Errorf("keys after a long silence: got %d, want 1", n)
	}
	table.Forget("other")
	if n := table.Len(); n != 0 {
		t.Errorf("keys: got %d, want 0", n)
	}
}

// TestAgainstCounting: over any time a bucket grants no more than it holds and what comes back meanwhile, and who asks for
// one at a time whenever there is one gets all of that.
func TestAgainstCounting(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []rate.Limit{"1:1", "7:3", "20:1,600:60", "1000:7"} {
		s := set(t, limit)
		bands, err := limit.Bandwidths()
		if err != nil {
			t.Fatal(err)
		}
		table := ratelimit.NewTable[string](10)
		var now time.Duration
		var granted int64
		for range 20_000 {
			now += time.Duration(random.Int64N(int64(30 * time.Millisecond)))
			n := 1 + random.Int64N(3)
			if _, ok := table.Take(now, one("a", s, 0, n)); ok {
				granted += n
			}
		}
		for _, b := range bands {
			most := b.Capacity + int64(float64(b.Capacity)*now.Seconds()/b.Period.Seconds()) + 1
			if granted > most {
				t.Errorf("%s: granted %d in %s, want at most %d", limit, granted, now, most)
			}
		}
		if granted == 0 {
			t.Errorf("%s: nothing was granted", limit)
		}
	}
}

// TestTogether: many at once get no more than one after another.
func TestTogether(t *testing.T) {
	t.Parallel()
	table, s := ratelimit.NewTable[string](10), set(t, "100:3600")
	var granted atomic.Int64
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			for range 100 {
				if _, ok := table.Take(0, one("a", s, 0, 1)); ok {
					granted.Add(1)
				}
			}
		})
	}
	g.Wait()
	if got := granted.Load(); got != 100 {
		t.Errorf("granted: got %d, want 100", got)
	}
}

func BenchmarkTake(b *testing.B) {
	s := set(b, "1000000:1,1000000000:60", "1000000:1")
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprint("device-", i)
	}
	table := ratelimit.NewTable[string](100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.Take(time.Duration(i)*time.Microsecond, ratelimit.Claim[string]{Key: keys[i%len(keys)], Set: s, Take: ratelimit.Costs{1, 7}})
	}
}
