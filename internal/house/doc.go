// Package house holds the tests of the house itself: which package may import which, what a package must say about
// itself, and what no package does. They read the source of the whole module with the go tool, so that a new package is
// under the same rules from its first file on; one that no rule names fails until a rule says where it belongs.
//
// There is nothing here to import.
package house
