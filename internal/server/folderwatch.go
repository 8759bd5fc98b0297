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

// folderWatch tells when files of its folders may have changed, once for changes that come together.
//
// It watches each folder and the folder around it: the latter sees the folder go and come back, or, if it is a symbolic
// link, lead elsewhere. What neither sees (a file reached by a link, a link further up, a file system that reports
// nothing) the poll does.
type folderWatch struct {
	folders []watched
	settle  time.Duration // how long it must be quiet; 0 for the default
	poll    time.Duration // 0 for the default
	log     zerolog.Logger
}

// watched is a folder of which some files matter.
type watched struct {
	dir  string
	mine func(name string) bool // by their names in the folder
}

// The defaults of a folderWatch.
const (
	defaultSettle = 200 * time.Millisecond
	defaultPoll   = 5 * time.Second
)

// Changes that never pause are told of after this many times the settling time.
const patience = 5

// begin watches, and calls changed once, for what changed before. The watch it returns is for run.
func (w folderWatch) begin(changed func()) *attached {
	at := w.attach()
	w.tell(at, changed)
	return at
}

// run calls changed after changes, one call at a time, until ctx ends. It ends the watch.
func (w folderWatch) run(ctx context.Context, at *attached, changed func()) {
	defer at.close()
	settle := cmp.Or(w.settle, defaultSettle)
	poll := time.NewTicker(cmp.Or(w.poll, defaultPoll))
	defer poll.Stop()
	quiet := time.NewTimer(settle)
	quiet.Stop()
	defer quiet.Stop()
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
			w.log.Warn().Err(err).Str("folder", w.folders[0].dir).Str("event", "chains_watch_failed").Send()
			touched() // a queue that overflowed has lost something
		case <-poll.C:
			at.follow()
			if !stampOf(w.folders).equal(at.told) {
				touched()
			}
		case <-quiet.C:
			first = time.Time{}
			w.tell(at, changed)
		}
	}
}

func (w folderWatch) tell(at *attached, changed func()) {
	at.follow() // before looking: what changes from now on is reported
	at.told = stampOf(w.folders)
	changed()
}

// attached is the watch of the operating system, if there is one.
type attached struct {
	watcher *fsnotify.Watcher // nil: there is only the poll
	folders []attachedFolder
	told    stamp // of what changed was last called for
	events  chan fsnotify.Event
	errors  chan error
}

type attachedFolder struct {
	watched             // its dir is absolute
	there   fs.FileInfo // that is watched under the name dir; nil for none
}

func (w folderWatch) attach() *attached {
	a := &attached{}
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		a.watcher, a.events, a.errors = watcher, watcher.Events, watcher.Errors
	}
	for _, f := range w.folders {
		dir, wrong := f.dir, err
		if wrong == nil {
			dir, wrong = filepath.Abs(f.dir)
		}
		if wrong == nil {
			wrong = watcher.Add(filepath.Dir(dir))
		}
		if wrong != nil {
			w.log.Warn().Err(wrong).Str("folder", f.dir).Dur("poll", cmp.Or(w.poll, defaultPoll)).Str("event", "chains_polled_only").Send()
		}
		a.folders = append(a.folders, attachedFolder{watched: watched{dir, f.mine}})
	}
	return a
}

// follow watches what the folders' names lead to now.
func (a *attached) follow() {
	if a.watcher == nil {
		return
	}
	for i := range a.folders {
		a.followOne(&a.folders[i])
	}
}

func (a *attached) followOne(f *attachedFolder) {
	info, err := os.Stat(f.dir)
	if err != nil {
		f.there = nil // the watch ended with the folder
		return
	}
	if f.there != nil && os.SameFile(f.there, info) && slices.Contains(a.watcher.WatchList(), f.dir) {
		return
	}
	_ = a.watcher.Remove(f.dir) // most often there is none
	f.there = nil
	if a.watcher.Add(f.dir) == nil { // else the poll sees what happens, and tries again
		f.there = info
	}
}

// concerns says whether a change of that name may be one of what matters. Names that begin with two dots are the links by which
// Kubernetes replaces all files of a volume at once; other hidden files are an editor's own.
func (a *attached) concerns(name string) bool {
	base := filepath.Base(name)
	return slices.ContainsFunc(a.folders, func(f attachedFolder) bool {
		return name == f.dir || filepath.Dir(name) == f.dir && (strings.HasPrefix(base, "..") || f.mine(base))
	})
}

func (a *attached) close() {
	if a.watcher != nil {
		_ = a.watcher.Close()
	}
}

// stamp is what can be seen of the files of folders without reading them: for each folder its files, or nil.
type stamp [][]fs.FileInfo

func stampOf(folders []watched) stamp {
	s := make(stamp, len(folders))
	for i, f := range folders {
		names, err := filesIn(f.dir, f.mine)
		if err != nil {
			continue
		}
		s[i] = []fs.FileInfo{}
		for _, name := range names {
			if info, err := os.Stat(name); err == nil {
				s[i] = append(s[i], info)
			}
		}
	}
	return s
}

func (s stamp) equal(o stamp) bool {
	sameFile := func(a, b fs.FileInfo) bool {
		return a.Name() == b.Name() && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
	}
	return slices.EqualFunc(s, o, func(a, b []fs.FileInfo) bool {
		return (a == nil) == (b == nil) && slices.EqualFunc(a, b, sameFile)
	})
}
