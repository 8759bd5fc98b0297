// Package terminal knows what a command writes to: whether it is a terminal, how wide, and whether colour is welcome.
//
// Learn one type: [Streams]. Commands get it instead of os.Stdout, ask it for tables, times and numbers, and so look
// right to a person and parse well in a pipe: off a terminal rows are separated by tabs, times are RFC 3339 and numbers
// bare. Standard output is the answer; standard error is talk.
//
// Everything that came from a device goes through [Clean] on its way out, since a device may choose its own name and a
// terminal obeys what it is sent. A Streams is used by one goroutine at a time.
package terminal
