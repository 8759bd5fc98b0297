package expression

import "strings"

// suggest returns the name nearest to what was written, or "". Names in scope are those of variables, functions and
// well-known fields; leaving out "msg." or a family, and the wrong case, are forgiven first.
func (l *Language) suggest(written string) string {
	switch written { // as other rule engines and languages say it
	case "null", "undefined", "None", "NULL":
		return "nil"
	case "metadata":
		return "meta"
	case "message", "payload", "data":
		return "msg"
	case "msgType", "messageType":
		return "type"
	case "deviceName", "originator":
		return "device"
	case "ts", "timestamp", "now":
		return "time"
	case "length", "size":
		return "len"
	}
	known := []string{"msg." + keyField, "msg.cups", "origin.id", "origin.name", "origin.type"}
	known = append(known, strings.Fields(variables+collections)...)
	for name := range l.functions {
		known = append(known, name)
	}
	best, bestCost := "", 1+len(written)/3
	for _, name := range known {
		cost := distance(strings.ToLower(written), strings.ToLower(name))
		if _, short, dotted := strings.Cut(name, "."); dotted {
			cost = min(cost, distance(strings.ToLower(written), strings.ToLower(short)))
		}
		if cost < bestCost || cost == bestCost && best != "" && name < best {
			best, bestCost = name, cost
		}
	}
	return best
}

// distance is the Levenshtein distance, a swap of neighbours counting once.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 64 || len(t) > 64 {
		return 64
	}
	var before, last, row [65]int
	for j := range len(t) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
