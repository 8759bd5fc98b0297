// Package websocket makes streams of bytes of websockets (RFC 6455), as MQTT wants them (MQTT 3.1.1 and 5.0, section 6). It
// knows HTTP and frames; what the bytes say is up to whoever accepts them.
//
// Learn two types: a [Listener] is an http.Handler on the one side, which answers handshakes, and a net.Listener on the
// other, which hands out what came of them; a [Conn] is one of these, a net.Conn.
//
// What a Conn promises beyond net.Conn:
//
//   - A read that met its deadline has lost nothing, wherever in a frame it was: set another, and read on. That is why the
//     frames are cut here: libraries for websockets are done with a connection after the first such read.
//   - It holds no buffer. Frames are cut where the reader wants the bytes to be, and each Write is one frame.
//   - Pings are answered, and are nothing that a reader hears of: they keep no connection alive that says nothing else.
//   - A frame that breaks the rules ends reading with an [Error] before its payload is read; Close then tells the client why.
//
// There is no compression: no extension is ever agreed to.
package websocket
