package pebble

import "time"

// LookForRoom and LookForFlush are the looks at the disk, which a store else takes four times a second.
func (s *Store) LookForRoom()               { s.lookForRoom() }
func (s *Store) LookForFlush(now time.Time) { s.lookForFlush(now) }

// LastChunk returns where the last chunk of an intact manifest begins.
func LastChunk(manifest []byte) (begin int) {
	for at := 0; at < len(manifest); {
		_, size := chunk(manifest, at)
		if size == 0 {
			size = manifestBlock - at%manifestBlock
		} else {
			begin = at
		}
		at += size
	}
	return begin
}
