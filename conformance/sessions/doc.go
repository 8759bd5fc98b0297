// Command sessions puts the session layer of the product before suites that speak MQTT and know nothing of ThingsBoard:
// production codec, sessions and limits, and behind them an open dialect that accepts anybody.
//
//	go run ./conformance/sessions --listen 127.0.0.1:1883
//
// Nothing of this dialect is in the product.
//
// Learn two types: [open] is the dialect, [session] one client of it. What a session publishes is acknowledged when
// [commits] says so: at once, or together with all that came in the same interval, as if it had to reach a disk.
package main
