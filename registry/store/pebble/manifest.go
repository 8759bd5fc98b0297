package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// errManifest: the list of tables is damaged in the middle.
var errManifest = errors.New("manifest is damaged; restore the folder from a backup")

// checkManifest errs if the manifest in force, the list of tables that belong to the store, has a damaged record
// before its last. Pebble takes any damaged record for the torn end of a crash and goes on with the tables as they
// were before it: an old state would be served, and the newer tables deleted. But a record is flushed before the next
// one is written, so only the last can be torn.
func checkManifest(fs vfs.FS, dir string) error {
	desc, err := pebble.Peek(dir, fs)
	if err != nil || !desc.Exists {
		return err
	}
	f, err := fs.Open(desc.ManifestFilename)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if at, ok := tornOnly(data); !ok {
		return fmt.Errorf("%s at byte %d: %w", fs.PathBase(desc.ManifestFilename), at, errManifest)
	}
	return nil
}

// The form of a manifest, LevelDB's log format: blocks of 32 KiB, in them chunks of a checksum (4 bytes), a length
// (2) and a type (1), then data. A record is one full chunk, or a first, perhaps middles, and a last.
const (
	manifestBlock  = 32 << 10
	manifestHeader = 7
	chunkFull      = 1
	chunkFirst     = 2
	chunkLast      = 4
)

// tornOnly tells whether no record begins after the first damaged chunk, and where that is.
func tornOnly(data []byte) (damaged int, ok bool) {
	at := 0
	for at < len(data) {
		if room := manifestBlock - at%manifestBlock; room < manifestHeader {
			at += room // too little for a chunk is left empty
			continue
		}
		_, size := chunk(data, at)
		if size == 0 {
			break
		}
		at += size
	}
	for next := at + 1; next < len(data); next++ {
		// Anywhere, since the length of the damaged chunk may be what is damaged.
		if kind, _ := chunk(data, next); kind == chunkFull || kind == chunkFirst {
			return at, false
		}
	}
	return at, true
}

// chunk returns the type and the whole size of the chunk at at; zero if there is none, or its checksum is wrong.
func chunk(data []byte, at int) (kind byte, size int) {
	room := min(manifestBlock-at%manifestBlock, len(data)-at)
	if room < manifestHeader {
		return 0, 0
	}
	c := data[at : at+room]
	sum, size, kind := binary.LittleEndian.Uint32(c), manifestHeader+int(binary.LittleEndian.Uint16(c[4:])), c[6]
	if kind < chunkFull || kind > chunkLast || size > room {
		return 0, 0
	}
	crc := crc32.Checksum(c[6:size], crc32.MakeTable(crc32.Castagnoli))
	if sum != (crc>>15|crc<<17)+0xa282ead8 { // masked, as LevelDB does
		return 0, 0
	}
	return kind, size
}
