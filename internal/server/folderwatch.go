package server

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"
)

// folderWatch tells when the chain files of a folder may have changed, once for changes that come together.
//
// It watches the folder and the folder around it: the latter sees the folder go and come back, or, if it is a symbolic
// link, lead elsewhere. What neither sees (a file reached by a link, a link further up, a file system that reports
// nothing) the poll does.
type folderWatch struct {
	dir    string
	settle time.Duration // how long it must be quiet; 0 for the default
	poll   time.Duration // 0 for the default
	log    zerolog.Logger
}

// The defaults of a folderWatch.
const (
	defaultSettle = 200 * time.Millisecond
	defaultPoll   = 5 * time.Second
)

// Changes that never pause are told of after this many times the settling time.
const patience = 5

// run calls changed, one call at a time, until ctx ends: once at the start, for what changed before, then after changes.
func (w folderWatch) run(ctx context.Context, changed func()) {
	settle := cmp.Or(w.settle, defaultSettle)
	poll := time.NewTicker(cmp.Or(w.poll, defaultPoll))
	defer poll.Stop()
	at := w.attach()
	defer at.close()
	quiet := time.NewTimer(0)
	defer quiet.Stop()
	var seen stamp
	var first time.Time // change that was not told of yet
	touched := func() {
		now := time.Now()
		if first.IsZero() {
			first = now
		}
		quiet.Reset(min(settle, max(0, first.Add(patience*settle).Sub(now))))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-at.events:
			if !ok {
				at.events = nil
			} else if at.concerns(e.Name) {
				touched()
			}
		case err, ok := <-at.errors:
			if !ok {
				at.errors = nil
				continue
			}
			w.log.Warn().Err(err).Str("folder", w.dir).Str("event", "chains_watch_failed").Send()
			touched() // a queue that overflowed has lost something
		case <-poll.C:
			at.follow()
			if !stampOf(w.dir).equal(seen) {
				touched()
			}
		case <-quiet.C:
			first = time.Time{}
			at.follow() // before looking: what changes from now on is reported
			seen = stampOf(w.dir)
			changed()
		}
	}
}

// attached is the watch of the operating system, if there is one.
type attached struct {
	watcher *fsnotify.Watcher // nil: there is only the poll
	dir     string            // absolute
	folder  fs.FileInfo       // that is watched under the name dir; nil for none
	events  chan fsnotify.Event
	errors  chan error
}

func (w folderWatch) attach() *attached {
	dir, err := filepath.Abs(w.dir)
	a := &attached{dir: dir}
	if err == nil {
		a.watcher, err = fsnotify.NewWatcher()
	}
	if err == nil {
		a.events, a.errors = a.watcher.Events, a.watcher.Errors
		err = a.watcher.Add(filepath.Dir(dir))
	}
	if err != nil {
		w.log.Warn().Err(err).Str("folder", w.dir).Dur("poll", cmp.Or(w.poll, defaultPoll)).Str("event", "chains_polled_only").Send()
	}
	return a
}

// follow watches what the folder's name leads to now.
func (a *attached) follow() {
	if a.watcher == nil {
		return
	}
	info, err := os.Stat(a.dir)
	if err != nil {
		a.folder = nil // the watch ended with the folder
		return
	}
	if a.folder != nil && os.SameFile(a.folder, info) && slices.Contains(a.watcher.WatchList(), a.dir) {
		return
	}
	_ = a.watcher.Remove(a.dir) // most often there is none
	a.folder = nil
	if a.watcher.Add(a.dir) == nil { // else the poll sees what happens, and tries again
		a.folder = info
	}
}

// concerns says whether a change of that name may be one of the set. Names that begin with two dots are the links by which
// Kubernetes replaces all files of a volume at once; other hidden files are an editor's own.
func (a *attached) concerns(name string) bool {
	base := filepath.Base(name)
	return name == a.dir || filepath.Dir(name) == a.dir &&
		(strings.HasPrefix(base, "..") || isChainFile(base))
}

func (a *attached) close() {
	if a.watcher != nil {
		_ = a.watcher.Close()
	}
}

// stamp is what can be seen of the chain files of a folder without reading them.
type stamp []fs.FileInfo

func stampOf(dir string) stamp {
	names, err := chainFiles(dir)
	if err != nil {
		return nil
	}
	s := stamp{}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			s = append(s, info)
		}
	}
	return s
}

func (s stamp) equal(o stamp) bool {
	return (s == nil) == (o == nil) && slices.EqualFunc(s, o, func(a, b fs.FileInfo) bool {
		return a.Name() == b.Name() && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
	})
}
