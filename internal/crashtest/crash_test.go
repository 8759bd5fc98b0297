package crashtest_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/internal/crashtest"
)

func TestMain(m *testing.M) {
	// Pebble leaves this one behind when its Open errs, as the test of a failing disk makes it do.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(
		"github.com/cockroachdb/pebble/v2.(*ConcurrencyLimitScheduler).periodicGranter"))
}

// most is how many crashes of one run are examined; more are thinned evenly.
const most = 600 / crashdisk.Thinner

func thinned(crashes []crashtest.Crash, most int) []crashtest.Crash {
	if len(crashes) <= most {
		return crashes
	}
	left := make([]crashtest.Crash, 0, most)
	for i := range most {
		left = append(left, crashes[i*len(crashes)/most])
	}
	return left
}

// TestCrash pulls the plug around every flush, at 200 random moments, and between each provision and its events.
func TestCrash(t *testing.T) {
	t.Parallel()
	key, rng := secret.NewKey(), seeded(t)
	const meters = 40
	crashes, err := crashtest.Crashes(t.Context(), key, crashtest.Options{Seed: rng.Uint64(), Meters: meters, Workers: 6, Random: 200})
	if err != nil {
		t.Fatal(err)
	}
	moments := map[crashtest.Moment]int{}
	for _, c := range crashes {
		moments[c.Moment]++
	}
	resumed := uint64(0)
	examined := thinned(crashes, most)
	for i, c := range examined {
		found, left, err := c.Examine(t.Context(), key)
		if err != nil || len(found) > 0 {
			t.Errorf("crash %d %s: %v\n%v", i, c.Moment, err, found)
		}
		if c.Moment == crashtest.BeforeEvents && left == 0 {
			t.Errorf("crash %d %s: nothing was left to run", i, c.Moment)
		}
		resumed += left
	}
	t.Logf("%d crashes %v, %d examined, %d messages resumed", len(crashes), moments, len(examined), resumed)
	if moments[crashtest.AtRandom] != 200 || moments[crashtest.BeforeEvents] != meters {
		t.Errorf("moments: %v, want 200 at random, and one before the events of each of %d meters", moments, meters)
	}
}

// TestCrashStored is TestCrash for a profile that acknowledges what is stored: what was acknowledged is run, once, in its
// order, however much of it was run before the crash; and a second crash while it is taken up changes nothing.
func TestCrashStored(t *testing.T) {
	t.Parallel()
	key, rng := secret.NewKey(), seeded(t)
	crashes, err := crashtest.Crashes(t.Context(), key, crashtest.Options{
		Seed: rng.Uint64(), Meters: 24, Workers: 6, Random: 100, Stored: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	moments, waited, again := map[crashtest.Moment]int{}, 0, 0
	for i, c := range thinned(crashes, most/2) {
		moments[c.Moment]++
		found, left, err := c.Examine(t.Context(), key)
		if err != nil || len(found) > 0 {
			t.Errorf("crash %d %s: %v\n%v", i, c.Moment, err, found)
		}
		if c.Moment == crashtest.AfterStoring && left > 0 {
			waited++
		}
		if i%40 != 0 {
			continue
		}
		second, err := c.Again(t.Context(), key, crashtest.Options{Seed: rng.Uint64(), Random: 10})
		if err != nil {
			t.Fatalf("after a crash %s: %v", c.Moment, err)
		}
		for _, a := range thinned(second, 5) {
			again++
			found, _, err := a.Examine(t.Context(), key)
			if err != nil || len(found) > 0 {
				t.Errorf("a crash %s, then one %s: %v\n%v", c.Moment, a.Moment, err, found)
			}
		}
	}
	t.Logf("%d crashes %v, %d behind a stored message with something left to run, %d second ones", len(crashes), moments, waited, again)
	if waited == 0 || again == 0 {
		t.Error("no crash came between a stored message and its run, or none after another")
	}
}

// TestCrashAgain pulls the plug a second time, while the product takes up what the first crash has left.
func TestCrashAgain(t *testing.T) {
	t.Parallel()
	key, rng := secret.NewKey(), seeded(t)
	first, err := crashtest.Crashes(t.Context(), key, crashtest.Options{Seed: rng.Uint64(), Meters: 16, Workers: 4, Random: 60})
	if err != nil {
		t.Fatal(err)
	}
	crashes := 0
	for _, c := range thinned(first, 16/crashdisk.Thinner) {
		second, err := c.Again(t.Context(), key, crashtest.Options{Seed: rng.Uint64(), Random: 10})
		if err != nil {
			t.Fatalf("after a crash %s: %v", c.Moment, err)
		}
		for _, again := range thinned(second, 10) {
			crashes++
			found, _, err := again.Examine(t.Context(), key)
			if err != nil || len(found) > 0 {
				t.Errorf("a crash %s, then one %s: %v\n%v", c.Moment, again.Moment, err, found)
			}
		}
	}
	t.Logf("%d crashes after a crash", crashes)
}

// TestFailingDisk lets the n-th flush fail, for every n until none does. From then on nothing may be acknowledged, the
// end must be orderly and say why, and what was acknowledged before must be there.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	key := secret.NewKey()
	for n := 1; ; n += crashdisk.Thinner {
		left, err := crashtest.OnFailingDisk(t.Context(), key, crashtest.Options{Meters: 8, Workers: 2, FailAt: n})
		if err != nil && !errors.Is(err, crashtest.ErrBroken) {
			t.Errorf("flush %d failed: got %v, want %v", n, err, crashtest.ErrBroken)
		}
		found, _, broken := left.Examine(t.Context(), key)
		if broken != nil || len(found) > 0 {
			t.Errorf("flush %d failed: %v\n%v", n, broken, found)
		}
		if err == nil {
			t.Logf("%d flushes", n-1)
			return
		}
	}
}
