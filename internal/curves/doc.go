// Command curves measures what grows with what, and draws it: the pictures of docs/performance.md.
//
//	go run ./internal/million --devices 1000,10000,100000,1000000 --out devices.json
//	go run ./internal/curves --devices devices.json --out docs/pictures
//
// It writes curves.json and a picture for each curve: devices (as [million] measured them), suppliers, the length of a
// chain, and messages in flight. With --draw it measures nothing and draws curves.json anew.
//
// Messages run through the whole core of the server, without sockets: intake, the shipped chains, the registry, and a
// store on the disk that holds the temporary folder. Sizes take turns, and the best of several rounds counts, so that
// whatever else the machine does meets all of them.
//
// [million]: https://pkg.go.dev/github.com/gridtie/gridtie/internal/million
package main
