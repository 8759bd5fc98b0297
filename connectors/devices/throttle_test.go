package devices_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

const (
	here  = "192.0.2.1"
	there = "192.0.2.2"
)

func TestGuessingTokens(t *testing.T) {
	t.Parallel()
	atDoor(t, devices.Limits{}, func(d *door) {
		time.Sleep(time.Hour) // tries are not saved up
		for i := range 30 {
			want := "wrong"
			if i >= 10 {
				want = "throttled"
			}
			d.want(fmt.Sprint("try ", i+1), d.knock(here, "c", fmt.Sprint("wrong-", i), ""), want)
		}
		d.want("look-ups", d.lookups.Load(), int32(10))
		d.want("the right one from there", d.knock(here, "c", "right", ""), "throttled")
		d.want("the right one from elsewhere", d.knock(there, "c", "right", ""), "in")
		d.want("look-ups", d.lookups.Load(), int32(11))

		time.Sleep(6 * time.Second) // one try has come back
		for range 3 {
			d.want("the right one soon after", d.knock(here, "c", "right", ""), "in")
		}
		d.want("a wrong one soon after", d.knock(here, "c", "wrong-x", ""), "wrong")
		d.want("the right one after that", d.knock(here, "c", "right", ""), "throttled")

		time.Sleep(time.Minute) // all have
		for i := range 11 {
			want := "wrong"
			if i == 10 {
				want = "throttled"
			}
			d.want("after a minute", d.knock(here, "c", fmt.Sprint("again-", i), ""), want)
		}
		for what, n := range map[devices.Login]int{
			devices.LoginRefused: 21, devices.LoginThrottledAddress: 23, devices.LoginAccepted: 4, devices.LoginThrottledName: 0,
		} {
			d.want("counted "+string(what), d.counts.all["login "+string(what)], n)
		}
	})
}

// TestGuessingForAnHour: whoever never stops gets the tries of each minute and no more, right or wrong.
func TestGuessingForAnHour(t *testing.T) {
	t.Parallel()
	atDoor(t, devices.Limits{}, func(d *door) {
		for i := range 3600 {
			d.knock(here, "c", fmt.Sprint("wrong-", i), "")
			if i%60 == 59 {
				d.want("the right one from elsewhere", d.knock(there, "c", "right", ""), "in")
			}
			time.Sleep(time.Second)
		}
		if n := d.lookups.Load() - 60; n > 10+600 {
			d.t.Errorf("look-ups in an hour: got %d, want at most 10 at once and 600 more", n)
		}
		time.Sleep(6 * time.Second)
		d.want("the right one when it is over", d.knock(here, "c", "right", ""), "in")
	})
}

// TestGuessingOneName: five tries a minute, the same whether the name is known or not.
func TestGuessingOneName(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"K", "unknown"} {
		t.Run("provisioning key "+key, func(t *testing.T) {
			t.Parallel()
			atDoor(t, devices.Limits{}, func(d *door) {
				for i := range 8 {
					want := devices.StatusNotFound
					if i >= 5 {
						want = devices.StatusThrottledKey
					}
					d.want(fmt.Sprint("try ", i+1), d.ask(here, key, fmt.Sprint("wrong-", i)), want)
				}
				d.want("the right one from there", d.ask(here, "K", "S") == devices.StatusSuccess, key != "K")
				d.want("the right one from elsewhere", d.ask(there, "K", "S"), devices.StatusSuccess)
				d.want("another key", d.ask(here, "other", "x"), devices.StatusNotFound)
				time.Sleep(12 * time.Second)
				d.want("the right one soon after", d.ask(here, "K", "S"), devices.StatusSuccess)
				d.want("a wrong one soon after", d.ask(here, key, "wrong-x"), devices.StatusNotFound)
				if n := d.counts.all["provision "+string(devices.StatusThrottledKey)]; n < 3 {
					d.t.Errorf("counted as throttled: got %d, want at least 3", n)
				}
			})
		})
	}
	t.Run("user name", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for i := range 8 {
				want := "wrong"
				if i >= 5 {
					want = "throttled"
				}
				d.want(fmt.Sprint("try ", i+1), d.knock(here, fmt.Sprint("c-", i), "user", fmt.Sprint("wrong-", i)), want)
			}
			d.want("another name", d.knock(here, "c", "other", ""), "wrong")
			d.want("counted", d.counts.all["login "+string(devices.LoginThrottledName)], 3)
		})
	})
	t.Run("client identifiers for one user name", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for minute := range 5 { // also with several passwords that are known to be wrong
				d.lookups.Store(0)
				for i := range 40 {
					d.knock(here, fmt.Sprint("c-", minute, "-", i), "user", fmt.Sprint(i/8))
				}
				d.want("look-ups in a minute", d.lookups.Load(), int32(5))
				time.Sleep(time.Minute)
			}
		})
	})
}

// TestBrokenMetersAmongThousands: behind one address, meters that repeat what is wrong harm nobody.
func TestBrokenMetersAmongThousands(t *testing.T) {
	t.Parallel()
	t.Run("tokens", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for i := range 2000 {
				user := fmt.Sprint("meter-", i)
				d.directory.devices[user] = registry.Device{ID: user, Name: user, Profile: "meters"}
				d.knock(here, fmt.Sprint("random-", i), "old-token", "")
				d.knock(here, fmt.Sprint("random-", i), "old-token-2", "")
				d.knock(here, fmt.Sprint("random-", i), "old-user", "old-password")
				d.knock(here, "fixed", "old-token-3", "")
				d.knock(here, "client-id-alone", "", "")
				d.want(user, d.knock(here, "c", user, ""), "in")
				time.Sleep(100 * time.Millisecond)
			}
			if n := d.lookups.Load() - 2000; n > 5*(5+5*200/60+1) {
				d.t.Errorf("look-ups of the five in 200 s: got %d, want five a minute each", n)
			}
			d.directory.devices["old-token"] = registry.Device{ID: "o", Name: "o", Profile: "meters"}
			time.Sleep(12 * time.Second)
			d.want("the broken one, mended", d.knock(here, "c", "old-token", ""), "in")
		})
	})
	t.Run("a user name that all share", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for i := range 2000 {
				d.knock(here, "broken", "right", "bad")
				d.want(fmt.Sprint("meter ", i), d.knock(here, fmt.Sprint("c-", i), "right", fmt.Sprint(i)), "in")
			}
			d.want("look-ups of the broken one", d.lookups.Load()-2000, int32(5))
		})
	})
	t.Run("a provisioning key that all share", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for i := range 2000 {
				d.ask(here, "K", "old-secret")
				d.want(fmt.Sprint("meter ", i), d.ask(here, "K", "S"), devices.StatusSuccess)
			}
			d.want("look-ups of the broken one", d.lookups.Load()-2000, int32(5))
		})
	})
}

// TestGuessingAtOnce: what many attempts at once find out is no more than one after another would.
func TestGuessingAtOnce(t *testing.T) {
	t.Parallel()
	atDoor(t, devices.Limits{}, func(d *door) {
		d.wait = make(chan struct{})
		var g sync.WaitGroup
		var mu sync.Mutex
		ends := map[string]int{}
		for i := range 64 {
			g.Go(func() {
				end := d.knock(here, "c", fmt.Sprint("wrong-", i), "")
				mu.Lock()
				defer mu.Unlock()
				ends[end]++
			})
		}
		var late string
		synctest.Wait()
		for range 64 {
			d.wait <- struct{}{}
		}
		g.Wait()
		d.want("told to be wrong", ends["wrong"], 10)
		d.want("throttled", ends["throttled"], 54)

		// A right one that was asked for in time, and is answered too late.
		time.Sleep(time.Minute)
		g.Go(func() { late = d.knock(here, "c", "right", "") })
		synctest.Wait()
		slow := d.wait
		d.wait = make(chan struct{})
		close(d.wait)
		for i := range 10 {
			d.knock(here, "c", fmt.Sprint("again-", i), "")
		}
		slow <- struct{}{}
		g.Wait()
		d.want("the right one among them", late, "throttled")
	})
}

func TestWhatIsNoGuess(t *testing.T) {
	t.Parallel()
	t.Run("nothing presented", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for range 50 {
				d.want("nothing", d.knock(here, "", "", ""), "wrong")
			}
			d.want("table", d.Remembered(), 0)
		})
	})
	t.Run("nothing found out", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			d.err = errors.New("broken")
			for i := range 50 {
				d.want("token", d.knock(here, "c", fmt.Sprint(i), ""), "broken")
				d.want("secret", d.ask(here, "K", fmt.Sprint(i)), devices.StatusUnavailable)
			}
			d.want("table", d.Remembered(), 0)
		})
	})
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for range 50 {
				d.want("token", d.knock(here, "c", "right", ""), "in")
				d.want("secret", d.ask(here, "K", "S"), devices.StatusSuccess)
			}
			d.want("table", d.Remembered(), 0)
		})
	})
}

func TestWhatCountsAsOneSource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, guesser, other string
		same                 bool
	}{
		{"the same", "192.0.2.1", "192.0.2.1", true},
		{"next door", "192.0.2.1", "192.0.2.2", false},
		{"written as IPv6", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"one IPv6 network", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"two IPv6 networks", "2001:db8::1", "2001:db8:0:1::1", false},
		{"zones", "fe80::1%a", "fe80::2%b", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			atDoor(t, devices.Limits{}, func(d *door) {
				for i := range 10 {
					d.knock(c.guesser, "c", fmt.Sprint(i), "")
				}
				want := "in"
				if c.same {
					want = "throttled"
				}
				d.want("the right one", d.knock(c.other, "c", "right", ""), want)
			})
		})
	}
	// Peers whose address nobody knows would share one: they are counted by name alone.
	t.Run("no address", func(t *testing.T) {
		t.Parallel()
		atDoor(t, devices.Limits{}, func(d *door) {
			for i := range 50 {
				d.want("another token", d.knock("", "c", fmt.Sprint(i), ""), "wrong")
			}
			for range 10 {
				d.knock("", "c", "one", "")
			}
			d.want("one token", d.knock("", "c", "one", ""), "throttled")
		})
	})
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		peer net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 7}, "192.0.2.1"},
		{&net.UDPAddr{IP: net.ParseIP("2001:db8::1"), Port: 7}, "2001:db8::1"},
		{&net.UnixAddr{Name: "socket"}, "invalid IP"},
		{&net.TCPAddr{}, "invalid IP"},
	} {
		if got := devices.SourceOf(c.peer).String(); got != c.want {
			t.Errorf("SourceOf(%v): got %s, want %s", c.peer, got, c.want)
		}
	}
}

func TestThrottleLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		limits            devices.Limits
		tokens, passwords int // of 50 that are looked up
	}{
		{name: "defaults", tokens: 10, passwords: 5},
		{name: "own", limits: devices.Limits{AddressFailures: 20, NameFailures: 2}, tokens: 20, passwords: 2},
		{name: "no limit for names", limits: devices.Limits{NameFailures: -1}, tokens: 10, passwords: 10},
		{name: "no limit for addresses", limits: devices.Limits{AddressFailures: -1}, tokens: 50, passwords: 5},
		{name: "none at all", limits: devices.Limits{AddressFailures: -1, NameFailures: -1}, tokens: 50, passwords: 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			atDoor(t, c.limits, func(d *door) {
				for i := range 50 {
					d.knock(here, "c", fmt.Sprint("token-", i), "")
				}
				d.want("tokens", d.lookups.Swap(0), int32(c.tokens))
				for i := range 50 {
					d.knock(there, "c", "user", fmt.Sprint(i))
				}
				d.want("passwords", d.lookups.Load(), int32(c.passwords))
			})
		})
	}
}

// TestTableIsBounded: the table does not grow beyond its limit, and who goes on guessing is not forgotten for those who
// come after.
func TestTableIsBounded(t *testing.T) {
	t.Parallel()
	const entries = 300
	atDoor(t, devices.Limits{FailureEntries: entries}, func(d *door) {
		for i := range 10 {
			d.knock(here, "c", fmt.Sprint("wrong-", i), "")
		}
		for i := range 2000 {
			d.knock(fmt.Sprintf("198.51.%d.%d", i/250, i%250), "c", "guess", "")
			if n := d.Remembered(); n > entries {
				d.t.Fatalf("entries: got %d, want at most %d", n, entries)
			}
			if i%20 == 0 {
				d.want("who goes on", d.knock(here, "c", fmt.Sprint("more-", i), ""), "throttled")
			}
		}
	})
	atDoor(t, devices.Limits{FailureEntries: entries}, func(d *door) {
		for i := range 10 {
			d.knock(here, "c", fmt.Sprint("wrong-", i), "")
		}
		for i := range 2000 {
			d.knock(fmt.Sprintf("198.51.%d.%d", i/250, i%250), "c", "guess", "")
		}
		d.want("who was not heard of again", d.knock(here, "c", "wrong", ""), "wrong")
	})
}

// TestClockSetBack: a clock that is not monotonic locks nobody out.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_000_000_000)
	d := newDoor(t, devices.Limits{}, func() time.Time { return now })
	for i := range 10 {
		d.knock(here, "c", fmt.Sprint(i), "")
	}
	d.want("at once", d.knock(here, "c", "right", ""), "throttled")
	now = now.Add(-time.Hour)
	d.want("an hour before", d.knock(here, "c", "right", ""), "in")
}

// TestThrottleTellsNoSecret: an operator reads where it happens, ten times a minute at most, and nothing else.
func TestThrottleTellsNoSecret(t *testing.T) {
	t.Parallel()
	atDoor(t, devices.Limits{}, func(d *door) {
		for i := range 100 {
			d.knock(here, "client-id", fmt.Sprint("user-name-", i), "pass-word")
			d.ask(there, "pro-key", fmt.Sprint("pro-secret-", i))
		}
		log := d.log.String()
		d.want("lines", strings.Count(log, "wrong_secrets_throttled"), 10)
		for _, want := range []string{`"source":"192.0.2.1/32","limit":"address"`, `"source":"192.0.2.2/32","limit":"name"`} {
			d.want(want, strings.Contains(log, want), true)
		}
		for _, s := range []string{"client-id", "user-name", "pass-word", "pro-key", "pro-secret"} {
			d.want("in the log: "+s, strings.Contains(log, s), false)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	for _, c := range []struct{ name, user string }{{"right", "right"}, {"throttled", "wrong"}} {
		b.Run(c.name, func(b *testing.B) {
			d := newDoor(&testing.T{}, devices.Limits{}, nil)
			from, l := address(here), registry.Login{UserName: secret.NewText(c.user)}
			for b.Loop() {
				_, _ = d.AuthenticateFrom(b.Context(), from, l)
			}
		})
	}
}
