package intake

import "github.com/gridtie/gridtie/engine"

// Members is how many values a payload that was read here has at its top: what ThingsBoard calls data points.
func Members(d *engine.Data) int {
	text := d.Text()
	depth, count, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ':' && depth == 1:
			count++
		}
	}
	return count
}
