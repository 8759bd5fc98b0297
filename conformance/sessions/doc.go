// Command sessions puts the session layer of the product before suites that speak MQTT and know nothing of ThingsBoard:
// production codec, sessions and limits, and behind them an open dialect that accepts anybody.
//
//	go run ./conformance/sessions --listen 127.0.0.1:1883
//
// It is as much of a broker as suites want to see: it routes what its clients publish to those who subscribed, with retained
// messages, wills, shared subscriptions and messages for clients that are away. Keep-alives are capped at 60 s and the Receive
// Maximum is 20, for suites that look at that, and nobody may subscribe to test/nosubscribe. Nothing of this dialect is in the
// product.
//
// Learn four types: [open] is the dialect, [client] one session through all its connections, [router] what is between them,
// [retained] what is kept for later. What a client publishes is acknowledged when [commits] says so: at once, or together with
// all that came in the same interval, as if it had to reach a disk.
package main
