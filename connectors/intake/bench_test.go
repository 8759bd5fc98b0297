package intake_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/intake"
)

var attributes = []byte(`{"Power_supplier_secret_key": "b3kk-72xq-99ab", "CUPs": "ES0021000000000001RK", "firmware": "2.14.0-rc1", ` +
	`"serial": "ZIV0036112233", "power": 3.45, "phases": 1, "tariff": "2.0TD", "open": true}`)

func BenchmarkObject(b *testing.B) {
	in, _ := newIntake(b)
	shape := meters()
	b.SetBytes(int64(len(attributes)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Object(attributes, shape); err != nil {
			b.Fatal(err)
		}
	}
}

// The worst of 64 KiB: all values there may be, deep within each other or with long names that differ at their end only.
func BenchmarkWorst(b *testing.B) {
	for _, c := range []struct{ name, payload string }{
		{"names", object64K(func(i int) string { return `"` + strings.Repeat("a", 50) + number(i) + `":"1"` })},
		{"escapes", `{"a":"` + strings.Repeat(`\u0001`, 10900) + `"}`},
		{"control", `{"a":"` + strings.Repeat("\x01", 65500) + `"}`},
		{"exponents", object64K(func(i int) string { return `"` + number(i) + `":1e400` })},
		{"comments", strings.Repeat("/**/", 16000) + `{}`},
		{"arrays", `{"x":[` + strings.Repeat(strings.Repeat("[", 29)+strings.Repeat("]", 29)+",", 33) + `1]}`},
		{"fields", object64K(func(i int) string { return `"` + strings.Repeat("power_supplier_secret_ke", 2) + number(i) + `":"1"` })},
	} {
		b.Run(c.name, func(b *testing.B) {
			in, _ := newIntake(b)
			payload := []byte(c.payload)
			if len(payload) > 64<<10 {
				b.Fatalf("%d bytes", len(payload))
			}
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := in.Object(payload, pointed()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTelemetry(b *testing.B) {
	in, _ := newIntake(b)
	payload := []byte(`{"ts":1634712287000,"values":{"energy":123456.789,"power":3.45,"voltage":231.4,"frequency":50.01,"open":false}}`)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Telemetry(payload, cast(), received); err != nil {
			b.Fatal(err)
		}
	}
}

// The worst telemetry: every item is read twice and makes a text of its own.
func BenchmarkWorstTelemetry(b *testing.B) {
	in, _ := newIntake(b)
	item := `{"ts":1634712287000,"values":{"` + strings.Repeat("a", 150) + `":"1.5"}}`
	payload := []byte("[" + strings.Repeat(item+",", 248) + "{}]")
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Telemetry(payload, pointed(), received); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	payload := []byte(`{"deviceName":"meter-000001","provisionDeviceKey":"u7piawkboq8v32dmcmpp","provisionDeviceSecret":"jpmwdn8ptlswmf4m29bw"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := intake.Parse(payload, intake.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func number(i int) string {
	return string([]byte{byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)})
}

// object64K is an object of as many members as the limits allow.
func object64K(member func(i int) string) string {
	members := make([]string, 999)
	for i := range members {
		members[i] = member(i)
	}
	return "{" + strings.Join(members, ",") + "}"
}
