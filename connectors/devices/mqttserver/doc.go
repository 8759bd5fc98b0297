// Package mqttserver speaks MQTT 3.1, 3.1.1 and 5 with devices. It is deliberately not a broker: it knows no topic, keeps
// no subscription and never hands one client's message to another.
//
// Learn four types: a [Server] accepts connections and bounds them; a [Dialect] says at CONNECT whether a connection
// is its own and who it is; a [Handler] takes what that client then sends; a [Conn] is the way back to the client.
//
// What the server promises for one connection:
//
//   - Everything a client sends is handled in the order in which it came, also what it sends before it has seen the
//     CONNACK [MQTT-3.1.4-5].
//   - An acknowledgement leaves only after the handler's verdict. PUBACKs and PUBRECs leave in the order of their
//     PUBLISHes, though verdicts may come in any order [MQTT-4.6.0-2]. Waiting for a verdict does not stop reading;
//     Limits.Inflight outstanding verdicts do.
//   - A QoS 2 message reaches the handler once, however often it is sent before its PUBREL [MQTT-4.3.3-2]. A message
//     sent again on a new connection is a new message.
//   - What is sent to the client through [Conn] keeps its order. A client that does not read or acknowledge is cut
//     off, never waited for.
//   - Malformed bytes close the connection; a panic in a handler closes that connection only.
//   - A client of MQTT 5 is told the limits in its CONNACK, the reasons of dialect and handler in its acknowledgements, and
//     in a DISCONNECT why its connection ends. It is sent no packet that is larger, and no more of them, than it takes.
//
// What it does not do: sessions end with their connection, so session present in CONNACK is always 0, and so is the Session
// Expiry Interval. The retain flag and the will of a client are parsed and validated and then ignored, as ThingsBoard does,
// and so are what subscriptions of MQTT 5 say of retained messages, and the expiry of messages. Subscriptions are granted up
// to QoS 1; there are no shared ones, no subscription identifiers, and no AUTH. Properties of a PUBLISH reach the handler;
// what is sent has none.
//
// The methods of one Handler are called one after another, from one goroutine for each connection, and Closed comes
// last; done functions and the methods of Conn may be called from any goroutine. An idle connection has one goroutine
// and no more than a small buffer.
//
// No credential, client identifier, topic or payload is logged.
package mqttserver
