package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/internal/settings"
)

func lookup(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := pairs[name]
		return v, ok
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gridtie.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const file = "# comment\nmqtt: 127.0.0.1:1\nlog-level: debug\n"
	for _, test := range []struct {
		name      string
		file      string
		variable  map[string]string
		flag      map[string]string
		mqtt      string
		fromStart string
	}{
		{"default", "", nil, nil, "127.0.0.1:1883", "default"},
		{"file over default", file, nil, nil, "127.0.0.1:1", "file "},
		{"variable over file", file, map[string]string{"GRIDTIE_MQTT": "127.0.0.1:2"}, nil, "127.0.0.1:2", "variable GRIDTIE_MQTT"},
		{
			"flag over variable", file,
			map[string]string{"GRIDTIE_MQTT": "127.0.0.1:2"},
			map[string]string{"mqtt": "127.0.0.1:3"},
			"127.0.0.1:3", "flag --mqtt",
		},
		{
			"a good flag covers a bad variable", "",
			map[string]string{"GRIDTIE_MQTT": "nonsense"},
			map[string]string{"mqtt": "off"},
			"off", "flag --mqtt",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			from := settings.Sources{Variable: lookup(test.variable), Flag: lookup(test.flag)}
			if test.file != "" {
				from.File = write(t, test.file)
			}
			s, values, err := settings.Load(from)
			if err != nil {
				t.Fatal(err)
			}
			if s.MQTT != test.mqtt {
				t.Errorf("mqtt: got %q, want %q", s.MQTT, test.mqtt)
			}
			if test.file != "" && s.LogLevel != zerolog.DebugLevel {
				t.Errorf("log-level: got %v, want debug", s.LogLevel)
			}
			for _, v := range values {
				if v.Key == "mqtt" && (v.Value != test.mqtt || !strings.HasPrefix(v.From, test.fromStart)) {
					t.Errorf("got %+v, want %q from %q", v, test.mqtt, test.fromStart)
				}
			}
			if len(values) != len(settings.Keys()) {
				t.Errorf("got %d values, want %d", len(values), len(settings.Keys()))
			}
		})
	}
}

func TestFaultsHavePlaces(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		file string
		want []string
	}{
		{"unknown key", "data: x\nmqqt: off\n", []string{`:2:1: unknown setting "mqqt"`}},
		{"two faults at once", "mqtt: nowhere\nlog-level:  loud\n", []string{`:1:7: mqtt "nowhere" is neither`, `:2:13: log-level "loud"`}},
		{"twice", "mqtt: off\nmqtt: off\n", []string{`:2:1: setting "mqtt" is given twice`}},
		{"not a scalar", "mqtt:\n  host: x\n", []string{`: setting "mqtt" is not a single value`}},
		{"nothing", "mqtt:\n", []string{`setting "mqtt" is not a single value`}},
		{"a list", "- mqtt\n", []string{`:1:1: is not a list of settings`}},
		{"syntax", "mqtt: \"off\n", []string{`:1:7: `}},
		{"second document", "mqtt: off\n---\nadmin: off\n", []string{"a second document"}},
		{"number out of range", "max-connections: 0\n", []string{`:1:18: max-connections "0" is not a whole number`}},
		{"empty folder", "data: ''\n", []string{`:1:7: data is empty`}},
		{"port", "admin: localhost:99999\n", []string{`has no port`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := settings.Load(settings.Sources{File: write(t, test.file)})
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to hold %q", err, want)
				}
			}
		})
	}
}

func TestWordsAreTakenAsWritten(t *testing.T) {
	t.Parallel()
	s, _, err := settings.Load(settings.Sources{File: write(t, "mqtt: off\nadmin: \"off\"\ndata: 007\nmax-packet: 4096\n"+
		"max-devices: 1000\naddress-rate: 20:1,600:60\n")})
	if err != nil {
		t.Fatal(err)
	}
	if s.MQTT != "off" || s.Admin != "off" || s.Data != "007" || s.MaxPacket != 4096 ||
		s.MaxDevices != 1000 || s.AddressRate != "20:1,600:60" {
		t.Errorf("got %+v", s)
	}
}

func TestEmptyFileIsFine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing yet\n", "---\n"} {
		if _, _, err := settings.Load(settings.Sources{File: write(t, text)}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	if _, _, err := settings.Load(settings.Sources{File: "/does/not/exist.yaml"}); err == nil {
		t.Error("got no error")
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{"mqtt: off\n", "a: [1, 2]\n", "- x\n", "\"", "mqtt: &a off\nadmin: *a\n", "? x\n: y\n", "<<: *a", "!!x y: z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _, _ = settings.Load(settings.Sources{File: write(t, text)})
	})
}
