package crashtest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// most is how many crashes of one run are examined; more are thinned evenly.
const most = 600

// TestCrash pulls the plug around every flush, at 200 random moments, and between each provision and its events.
func TestCrash(t *testing.T) {
	t.Parallel()
	key := secret.NewKey()
	crashes, err := crashtest.Crashes(t.Context(), key, crashtest.Options{Seed: 1, Meters: 48, Workers: 6, Random: 200})
	if err != nil {
		t.Fatal(err)
	}
	moments := map[crashtest.Moment]int{}
	examined, resumed := 0, uint64(0)
	for i := range crashes {
		moments[crashes[i].Moment]++
	}
	for i := range crashes {
		if len(crashes) > most && i*most/len(crashes) == (i+1)*most/len(crashes) {
			continue
		}
		found, left, err := crashes[i].Examine(t.Context(), key)
		if err != nil || len(found) > 0 {
			t.Errorf("crash %d %s: %v\n%v", i, crashes[i].Moment, err, found)
		}
		if crashes[i].Moment == crashtest.BeforeEvents && left == 0 {
			t.Errorf("crash %d %s: nothing was left to run", i, crashes[i].Moment)
		}
		examined++
		resumed += left
	}
	t.Logf("%d crashes %v, %d examined, %d messages resumed", len(crashes), moments, examined, resumed)
	if moments[crashtest.AtRandom] != 200 || moments[crashtest.BeforeEvents] != 48 {
		t.Errorf("moments: %v, want 200 at random, and one before the events of each of 48 meters", moments)
	}
}
