package benchref

import (
	"encoding/json"
	"strings"
)

type attributes struct {
	Model     string  `json:"model"`
	Firmware  string  `json:"firmware"`
	Key       string  `json:"key"`
	CUPS      string  `json:"CUPS"`
	Phases    int     `json:"phases"`
	Power     float64 `json:"power"`
	Remote    bool    `json:"remote"`
	Installer string  `json:"installer"`
}

// Struct is reference R: what a good programmer writes first, encoding/json into a struct.
func (w *World) Struct(typ, device, payload string) bool {
	if typ != "POST_ATTRIBUTES_REQUEST" {
		return false
	}
	var a attributes
	if json.Unmarshal([]byte(payload), &a) != nil || a.Key == "" || a.CUPS == "" {
		return false
	}
	return w.match(device, a.Key, strings.ToUpper(strings.TrimSpace(a.CUPS)))
}

// Map is the same with encoding/json into a map.
func (w *World) Map(typ, device, payload string) bool {
	if typ != "POST_ATTRIBUTES_REQUEST" {
		return false
	}
	var a map[string]any
	if json.Unmarshal([]byte(payload), &a) != nil {
		return false
	}
	key, _ := a["key"].(string)
	c, _ := a["CUPS"].(string)
	if key == "" || c == "" {
		return false
	}
	return w.match(device, key, strings.ToUpper(strings.TrimSpace(c)))
}

// Scan is reference L, the limit: one scan over the bytes for the two fields, no decoding.
func (w *World) Scan(typ, device, payload string) bool {
	if typ != "POST_ATTRIBUTES_REQUEST" {
		return false
	}
	key, c := scan(payload, "key"), scan(payload, "CUPS")
	if key == "" || c == "" {
		return false
	}
	return w.match(device, key, strings.ToUpper(strings.TrimSpace(c)))
}

// scan finds a top-level text of that name. It is right for the workload, not for all JSON.
func scan(s, name string) string {
	for i := 1; i < len(s); {
		start := strings.IndexByte(s[i:], '"')
		if start < 0 {
			return ""
		}
		start += i + 1
		end := start + strings.IndexByte(s[start:], '"')
		found := s[start:end] == name
		i = end + 2 // behind the quote and the colon
		if s[i] == '"' {
			end = i + 1 + strings.IndexByte(s[i+1:], '"')
			if found {
				return s[i+1 : end]
			}
			i = end + 1
		}
		next := strings.IndexByte(s[i:], ',')
		if next < 0 {
			return ""
		}
		i += next + 1
	}
	return ""
}
