package settings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/internal/settings"
)

const password = "pa55-w0rd"

// TestStoreIsMasked: whatever the address looks like, and whether it is taken or not, its password is seen nowhere.
func TestStoreIsMasked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, address, shown, reason string
	}{
		{"nothing", "", "", ""},
		{"without a password", "postgres://u@db:5432/grid", "postgres://u@db:5432/grid", ""},
		{"with one", "postgres://u:" + password + "@db/grid?search_path=x", "postgres://u@db/grid?search_path=x", ""},
		{"the longer name", "postgresql://u:" + password + "@db/grid", "postgresql://u@db/grid", ""},
		{"as a parameter", "postgres://db/grid?user=u&password=" + password, "postgres://db/grid?user=u", ""},
		{"of a certificate", "postgres://db/grid?sslpassword=" + password, "postgres://db/grid", ""},
		{"another database", "mysql://u:" + password + "@db/grid", "", "store is not an address"},
		{"no address", "u:" + password, "", "store is not an address"},
		{"a bad one", "postgres://u:" + password + "%zz@db/grid", "", "store is not an address"},
		{"a bad port", "postgres://u:" + password + "@db:port/grid", "", "store is not an address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, values, err := settings.Load(settings.Sources{Variable: lookup(map[string]string{"GRIDTIE_STORE": test.address})})
			if said := fmt.Sprintf("%v %+v %#v %+v", err, values, s, s); strings.Contains(said, password) {
				t.Errorf("the password is seen: %s", said)
			}
			if test.reason != "" {
				if err == nil || !strings.Contains(err.Error(), test.reason) {
					t.Errorf("got %v, want %q", err, test.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Store.Reveal(); got != test.address {
				t.Error("the address is not the one that was given")
			}
			for _, v := range values {
				if v.Key == "store" && v.Value != test.shown {
					t.Errorf("shown: got %q, want %q", v.Value, test.shown)
				}
			}
		})
	}
}

// TestPasswordIsNoArgument: a flag is refused that everybody on the machine could read.
func TestPasswordIsNoArgument(t *testing.T) {
	t.Parallel()
	for address, refused := range map[string]bool{
		"postgres://u@db/grid":                           false,
		"postgres://u:" + password + "@db/grid":          true,
		"postgres://db/grid?password=" + password:        true,
		"postgres://db/grid?sslpassword=" + password:     true,
		"postgres://u:" + password + "%zz@db/grid":       true,
		"postgres://u@db/grid?sslmode=require":           false,
		"postgres://u@db/grid?PassWord=" + password:      true,
		"postgres://u@db/grid?passfile=/etc/grid/pgpass": false,
	} {
		_, _, err := settings.Load(settings.Sources{Flag: lookup(map[string]string{"store": address})})
		if (err != nil) != refused {
			t.Errorf("%s: got %v, want refused: %t", settings.ShowStore(address), err, refused)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the password is seen: %v", err)
		}
	}
}

func FuzzShowStore(f *testing.F) {
	for _, seed := range []string{"", "postgres://", "postgres://u:X@h/d", "postgres:opaque", "postgres://h?password=X", "postgres://u:X@h:1/d?a=%zz#X"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if _, err := settings.StoreAddress(address); err != nil {
			return
		}
		again := settings.ShowStore(address)
		if settings.HideStore(again) != nil {
			t.Errorf("%q is shown as %q, which holds a password", address, again)
		}
	})
}
