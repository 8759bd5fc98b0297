package registry

// Page bounds a list. The zero value asks for the first 100.
type Page struct {
	Limit  int    // at most 1,000; 0 for 100
	Cursor string // what the list before returned as next; empty for the beginning
}
