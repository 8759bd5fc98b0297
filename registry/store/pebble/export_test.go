package pebble

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
