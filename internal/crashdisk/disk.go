// Package crashdisk is a disk in memory whose power can be cut at any moment: what tests of durability stand on. [Disk]
// is Pebble's crashable file system, safe to clone while a store works on it.
package crashdisk

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Disk is a file system in memory that remembers what was flushed. All methods are safe for concurrent use.
type Disk struct {
	*vfs.MemFS
	// reuse keeps a crash away from the reuse of a log file. Pebble's own method takes a read lock twice for it; a crash
	// that asks for the write lock in between would wait for ever, and the file system with it.
	reuse sync.RWMutex
}

// New returns an empty disk.
func New() *Disk { return &Disk{MemFS: vfs.NewCrashableMem()} }

// ReuseForWrite renames a file and opens it for writing.
func (d *Disk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	d.reuse.RLock()
	defer d.reuse.RUnlock()
	return d.MemFS.ReuseForWrite(from, to, c)
}

// Cut returns what the disk would hold if the power failed now: what was flushed, and of the rest the given share, taken
// at random block by block.
func (d *Disk) Cut(c vfs.CrashCloneCfg) *Disk {
	d.reuse.Lock()
	defer d.reuse.Unlock()
	return &Disk{MemFS: d.CrashClone(c)}
}
