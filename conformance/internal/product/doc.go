// Package product starts the product as its users do, for programs that measure it: a process of its own, on a folder of its
// own, spoken to by its addresses and its command line.
//
// Learn one type: a [Server] runs from Start to Stop. It belongs to one goroutine.
package product
