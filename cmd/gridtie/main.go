// Command gridtie runs messages of smart meters through rule chains and attaches the meters to suppliers and grids.
//
// Each subcommand is a short file that wires packages together; the tree stands in root.go.
package main

import (
	"os"

	"github.com/gridtie/gridtie/internal/terminal"
)

func main() {
	os.Exit(run(os.Args[1:], terminal.System(), os.LookupEnv))
}
