// Package mqttserver speaks MQTT 3.1, 3.1.1 and 5 with devices. It is deliberately not a broker: it knows no topic, keeps
// no subscription and never hands one client's message to another.
//
// Learn four types: a [Server] accepts connections and bounds them; a [Dialect] says at CONNECT whether a connection
// is its own and who it is; a [Handler] takes what that client then sends; a [Conn] is the way back to the client. A dialect
// that wants more asks for it at CONNECT: a [Session] that outlives its connection with [Conn.Resume], and with [Conn.Offer]
// what its [Terms] make available.
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
// What it promises for a session that a dialect resumes:
//
//   - It lives as long as its client asked for, within Limits.SessionExpiry, and not longer than the process. Its name has one
//     connection at a time: the next one takes it over.
//   - What was sent to it with QoS 1 or 2 reaches the client, also if that was away: in order, and what was on its way again,
//     with DUP, under the identifier that it had [MQTT-4.4.0-1]. What has QoS 0 waits for nobody.
//   - A QoS 2 message from the client reaches the handler once, whatever becomes of its connections: verdicts count for the
//     session.
//   - The will is handed to the handler when its time has come, and not if the client said good-bye or is back in time. A
//     server that stops hands over those without delay only.
//
// Without one, sessions end with their connection: session present in CONNACK is 0, and so is the Session Expiry Interval. The
// will of a client is then parsed and validated, and ignored.
//
// What it leaves to the dialect: subscriptions, of which it gets all options, and retained messages. What it does not do: AUTH.
//
// The methods of one Handler are called one after another, from one goroutine for each connection, and Closed comes
// last; those of a [Keeper] that speak of its session, from any. The handler of a session that goes on has its next connection
// after Closed has returned. done functions and the methods of Conn and Session may be called from any goroutine. An idle
// connection has one goroutine and no more than a small buffer.
//
// No credential, client identifier, topic or payload is logged.
package mqttserver
