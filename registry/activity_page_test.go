package registry

import (
	"encoding/json"
	"testing"
)

func TestActivityIsReadInPlace(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"d1", "a", `,"a":7`, `x\",\"i\":7`, ""} {
		for _, row := range []activityRow{
			{},
			{First: 1, Last: 2},
			{First: 1, Last: 2, Active: 3},
			{Active: 4, Inactive: 1732180800123},
			{Inactive: 5},
			{First: 1, Last: 2, Connected: 3, Disconnected: 4, Active: 5, Inactive: 6},
		} {
			row.Device = id
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			if a, i := active(text), inactive(text); a != row.Active || i != row.Inactive {
				t.Errorf("%s: got active %d, inactive %d", text, a, i)
			}
		}
	}
}
