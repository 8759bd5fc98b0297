package main

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

func TestRetained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := retained{limit: 2, last: map[string]mqttserver.Message{}}
		keep := func(topic, payload string, lasts time.Duration) {
			m := mqttserver.Message{Topic: topic, Payload: []byte(payload)}
			if lasts > 0 {
				m.Expires = time.Now().Add(lasts)
			}
			r.keep(m)
		}
		want := func(want string) {
			t.Helper()
			var got string
			for _, m := range r.of("#") {
				got += fmt.Sprintf("%s=%s ", m.Topic, m.Payload)
			}
			if got != want {
				t.Errorf("retained: got %q, want %q", got, want)
			}
		}
		keep("b", "1", 0)
		keep("a", "2", time.Second)
		keep("c", "3", 0) // beyond the limit
		want("a=2 b=1 ")
		keep("a", "4", time.Second)
		want("a=4 b=1 ")
		time.Sleep(time.Second)
		want("b=1 ")
		keep("c", "5", 0)
		want("b=1 c=5 ")
		keep("b", "", 0)
		want("c=5 ")
	})
}
