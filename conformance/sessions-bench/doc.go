// Command sessions-bench measures the session layer of the product beside mosquitto, in one run and with one client, so
// that what the machine does meanwhile is done to both.
//
//	go run ./conformance/sessions-bench            # everything; needs mosquitto 2.0 and Linux
//	go run ./conformance/sessions-bench --rounds 5 --json
//
// It starts ./conformance/sessions and mosquitto as processes of their own. Each figure is taken in several rounds, in
// which the servers take turns; the best round of each counts, and the ratio of the best ones is what is promised.
// mosquitto authenticates nobody; ours looks every user name up.
//
// The last figure is that of gridtie serve, with 10,000 devices in its store. It takes five minutes a round, since the
// connections have to be idle for so long: --only publish, --only connect and --only whole take one part.
package main
