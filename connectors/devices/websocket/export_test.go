package websocket

import "net"

// NewConn is a connection whose handshake is over.
func NewConn(nc net.Conn, early string, limit int64) *Conn { return newConn(nc, []byte(early), limit) }
