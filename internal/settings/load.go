package settings

import (
	"errors"
	"fmt"
	"os"
)

// Sources is where settings come from.
type Sources struct {
	File string // YAML; empty for none
	// Variable and Flag give what was set; nil where there is no such source. An empty variable counts as set.
	Variable func(name string) (string, bool)
	Flag     func(key string) (string, bool)
}

// Value is one setting in force, and where it came from.
type Value struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"` // "default", "file PATH:LINE", "variable GRIDTIE_…" or "flag --…"
}

// Error is a fault in the configuration. Load joins all that it finds.
type Error struct {
	Place  string // "gridtie.yaml:3:7", "variable GRIDTIE_MQTT" or "flag --mqtt"
	Reason string
	hint   string
}

func (e *Error) Error() string { return e.Place + ": " + e.Reason }

// Hint is what mends the fault; empty if nothing obvious does.
func (e *Error) Hint() string { return e.hint }

// Load reads all sources and returns what is in force, in the order of Keys, or every fault at once.
func Load(from Sources) (Settings, []Value, error) {
	var faults []error
	file := map[string]entry{}
	if from.File != "" {
		raw, err := os.ReadFile(from.File)
		if err != nil {
			return Settings{}, nil, fmt.Errorf("reading the configuration: %w", err)
		}
		file, faults = parse(from.File, raw)
	}
	var s Settings
	var values []Value
	for _, k := range Keys() {
		v, place := Value{Key: k.Name, Value: k.Default, From: "default"}, ""
		if e, ok := file[k.Name]; ok {
			v.Value, v.From, place = e.value, fmt.Sprintf("file %s:%d", from.File, e.line), e.place(from.File)
		}
		if from.Variable != nil {
			if text, ok := from.Variable(k.Variable()); ok {
				v.Value, v.From = text, "variable "+k.Variable()
				place = v.From
			}
		}
		if from.Flag != nil {
			if text, ok := from.Flag(k.Name); ok {
				v.Value, v.From = text, "flag --"+k.Name
				place = v.From
				if k.hide != nil {
					if err := k.hide(text); err != nil {
						faults = append(faults, &Error{Place: place, Reason: err.Error(), hint: HiddenHint(k.Variable())})
						continue
					}
				}
			}
		}
		if err := k.set(&s, v.Value); err != nil {
			faults = append(faults, &Error{
				Place: place, Reason: k.Name + " " + err.Error(),
				hint: fmt.Sprintf("%s: %s", k.Name, k.Doc),
			})
		}
		if k.show != nil {
			v.Value = k.show(v.Value)
		}
		values = append(values, v)
	}
	if len(faults) > 0 {
		return Settings{}, nil, errors.Join(faults...)
	}
	return s, values, nil
}
