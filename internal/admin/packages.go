package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

func packageNamed(k registry.PackageKind, n registry.PackageName) (what, hint string) {
	return fmt.Sprintf("%s %q of version %q", cmp.Or(k, "package"), n.Title, n.Version), "gridtie packages list"
}

func (a *api) packages(ctx context.Context, r *http.Request) (any, error) {
	p, err := page(r)
	if err != nil {
		return nil, err
	}
	all, next, err := a.Registry.Packages(ctx, p)
	if err != nil {
		return nil, known(err, "such page", "")
	}
	list := PackagePage{Packages: []Package{}, Next: next}
	for _, p := range all {
		list.Packages = append(list.Packages, Package{Package: p.Package, Profiles: append([]string{}, p.Profiles...), Devices: p.Devices})
	}
	return list, nil
}

// addPackage reads the content as it comes: nobody holds a whole package.
func (a *api) addPackage(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	p := registry.Package{
		Kind: registry.PackageKind(q.Get("kind")), PackageName: registry.PackageName{Title: q.Get("title"), Version: q.Get("version")},
		File: q.Get("file"), Algorithm: q.Get("algorithm"), Checksum: q.Get("checksum"), Size: max(0, r.ContentLength),
	}
	added, err := a.Registry.AddPackage(ctx, p, sent{r.Body})
	if err != nil {
		what, hint := packageNamed(p.Kind, p.PackageName)
		return nil, known(err, what, hint)
	}
	a.Logger.Info().Str("kind", string(added.Kind)).Str("title", supplypoint.MaskIn(added.Title)).Str("version", supplypoint.MaskIn(added.Version)).
		Int64("bytes", added.Size).Str("event", "package_added").Send()
	return Package{Package: added, Profiles: []string{}}, nil
}

// sent is content on its way: that it breaks off is nothing that went wrong here.
type sent struct{ body io.Reader }

func (s sent) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = invalid("the content broke off: "+err.Error(), "send it again")
	}
	return n, err
}

func (a *api) deletePackage(ctx context.Context, r *http.Request) (any, error) {
	kind := registry.PackageKind(r.PathValue("kind"))
	name := registry.PackageName{Title: r.PathValue("title"), Version: r.PathValue("version")}
	err := a.Registry.DeletePackage(ctx, kind, name)
	what, hint := packageNamed(kind, name)
	switch {
	case errors.Is(err, registry.ErrInUse):
		return nil, problem(http.StatusConflict, CodeInUse, what+" is in use: "+err.Error(),
			"gridtie packages list shows to whom it is assigned; gridtie packages unassign takes that back")
	case err != nil:
		return nil, known(err, what, hint)
	}
	a.Logger.Info().Str("kind", string(kind)).Str("title", supplypoint.MaskIn(name.Title)).Str("version", supplypoint.MaskIn(name.Version)).Str("event", "package_deleted").Send()
	return nil, nil
}

func (a *api) assignPackage(ctx context.Context, r *http.Request) (any, error) {
	in, to, err := a.assignment(ctx, r)
	if err != nil {
		return nil, err
	}
	told, err := a.Registry.AssignPackage(ctx, in.Kind, registry.PackageName{Title: in.Title, Version: in.Version}, to)
	return a.assigned(in, told, err)
}

func (a *api) unassignPackage(ctx context.Context, r *http.Request) (any, error) {
	in, from, err := a.assignment(ctx, r)
	if err != nil {
		return nil, err
	}
	in.Title, in.Version = "", ""
	told, err := a.Registry.UnassignPackage(ctx, in.Kind, from)
	return a.assigned(in, told, err)
}

// assignment reads a request, and looks up whose the package is to be.
func (a *api) assignment(ctx context.Context, r *http.Request) (in Assignment, to registry.Assignees, err error) {
	if in, err = decode[Assignment](r); err != nil {
		return in, to, err
	}
	to.Profile = in.Profile
	if in.Profile != "" {
		if _, err := a.Registry.Profile(ctx, in.Profile); err != nil {
			what, hint := profileNamed(in.Profile)
			return in, to, known(err, what, hint)
		}
	}
	if in.Device != "" {
		d, err := a.find(ctx, in.Device)
		if err != nil {
			return in, to, err
		}
		to.Device = d.ID
	}
	return in, to, nil
}

func (a *api) assigned(in Assignment, told int, err error) (any, error) {
	if err != nil {
		what, hint := packageNamed(in.Kind, registry.PackageName{Title: in.Title, Version: in.Version})
		return nil, known(err, what, hint)
	}
	a.Logger.Info().Str("kind", string(in.Kind)).Str("title", supplypoint.MaskIn(in.Title)).Str("version", supplypoint.MaskIn(in.Version)).Str("profile", in.Profile).
		Int("told", told).Str("event", "package_assigned").Send()
	return Assigned{Assignment: in, Told: told}, nil
}
