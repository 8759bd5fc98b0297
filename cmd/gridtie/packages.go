package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

func (a *app) packages() *cobra.Command {
	return group(&cobra.Command{
		Use: "packages", Short: "Keep firmware and software for devices, and assign it",
		Long: "Keep firmware and software for devices, and assign it. A device whose profile has a package, or that has one of its\n" +
			"own, is told by its shared attributes fw_title, fw_version and so on, and loads it over MQTT, HTTP or CoAP.",
		Example: "  gridtie packages add meter-2.bin --kind firmware --title meter --version 2\n" +
			"  gridtie packages assign --kind firmware --title meter --version 2 --profile meters",
	}, a.packagesAdd(), a.packagesList(), a.packagesAssign(), a.packagesUnassign(), a.packagesDelete())
}

// packageFlags gives cmd the flags that name a package.
func packageFlags(cmd *cobra.Command, kind *registry.PackageKind, title, version *string) {
	kindFlag(cmd, kind)
	cmd.Flags().StringVar(title, "title", "", "what the package is called")
	cmd.Flags().StringVar(version, "version", "", "which one of that title")
}

func kindFlag(cmd *cobra.Command, kind *registry.PackageKind) {
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar((*string)(kind), "kind", "", "firmware or software")
}

// wants errs if one of these flags is not given.
func wants(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f == nil || f.Value.String() == "" {
			return &usageError{fmt.Errorf("%q wants --%s", cmd.CommandPath(), name)}
		}
	}
	return nil
}

func (a *app) packagesAdd() *cobra.Command {
	var in admin.NewPackage
	cmd := &cobra.Command{
		Use: "add FILE", Short: "Keep a file as a package", Args: args(1, "a file"),
		Long: "Keep a file as a package, of at most 64 MiB. Nobody sees it before all of it is kept. Its content never changes:\n" +
			"another content is another version.",
		Example: "  gridtie packages add meter-2.bin --kind firmware --title meter --version 2\n" +
			"  gridtie packages add tariffs.json --kind software --title tariffs --version 2027-01 --algorithm SHA512",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := wants(cmd, "kind", "title", "version"); err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			size, err := packageSize(f)
			if err != nil {
				return err
			}
			in.File = filepath.Base(args[0])
			return a.withAdmin(cmd, func(c *admin.Client) error {
				p, err := c.AddPackage(cmd.Context(), in, f, size)
				if err != nil {
					return err
				}
				return a.answer(p, func() error {
					a.say("The %s %s of version %s is kept: %s bytes, %s %s.", p.Kind, p.Title, p.Version, a.Count(int(p.Size)), p.Algorithm, p.Checksum)
					a.talk("Devices load it when it is assigned: gridtie packages assign --kind %s --title %q --version %q --profile NAME", p.Kind, p.Title, p.Version)
					return nil
				})
			})
		},
	}
	packageFlags(cmd, &in.Kind, &in.Title, &in.Version)
	cmd.Flags().StringVar(&in.Algorithm, "algorithm", registry.DefaultChecksum, "of the checksum: SHA256, SHA384 or SHA512")
	cmd.Flags().StringVar(&in.Checksum, "checksum", "", "in hexadecimal, that the file must have")
	a.jsonFlag(cmd)
	return cmd
}

// packageSize is how large a file is that may be a package.
func packageSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%q is no file", f.Name())
	case info.Size() == 0:
		return 0, fmt.Errorf("%q is empty", f.Name())
	case info.Size() > registry.MaxPackage:
		return 0, fmt.Errorf("%q has %d bytes, and a package at most %d", f.Name(), info.Size(), registry.MaxPackage)
	}
	return info.Size(), nil
}

func (a *app) packagesList() *cobra.Command {
	var q admin.Query
	cmd := &cobra.Command{
		Use: "list", Short: "List the packages", Args: args(0, ""),
		Long:    "List the packages, and to whom they are assigned.",
		Example: "  gridtie packages list\n  gridtie packages list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				page, err := c.Packages(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.answer(page, func() error {
					t := a.Table("Kind", "Title", "Version", "Bytes", "Profiles", "Devices", "Added")
					for _, p := range page.Packages {
						t.Row(string(p.Kind), p.Title, p.Version, a.Count(int(p.Size)), joinComma(p.Profiles), a.Count(p.Devices), a.Time(p.Added))
					}
					a.more(page.Next)
					return t.Flush()
				})
			})
		},
	}
	pageFlags(cmd, &q)
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) packagesAssign() *cobra.Command {
	var in admin.Assignment
	cmd := &cobra.Command{
		Use: "assign", Short: "Assign a package to a profile or a device", Args: args(0, ""),
		Long: "Assign a package to a profile or a device, in the place of the one that was. What a device has of its own counts more\n" +
			"than what its profile has. The devices concerned are told at once, those that the profile gets later when they come.",
		Example: "  gridtie packages assign --kind firmware --title meter --version 2 --profile meters\n" +
			"  gridtie packages assign --kind firmware --title meter --version 3-beta --device meter-0001",
	}
	packageFlags(cmd, &in.Kind, &in.Title, &in.Version)
	return a.assignment(cmd, &in, []string{"kind", "title", "version"}, (*admin.Client).AssignPackage, func(whose string) string {
		return fmt.Sprintf("The %s of %s is %s of version %s.", in.Kind, whose, in.Title, in.Version)
	})
}

func (a *app) packagesUnassign() *cobra.Command {
	var in admin.Assignment
	cmd := &cobra.Command{
		Use: "unassign", Short: "Take an assignment back", Args: args(0, ""),
		Long: "Take the assignment of a package back. Devices that have no package of the kind then lose its attributes; what a\n" +
			"device has loaded stays with it.",
		Example: "  gridtie packages unassign --kind firmware --profile meters\n" +
			"  gridtie packages unassign --kind firmware --device meter-0001",
	}
	kindFlag(cmd, &in.Kind)
	return a.assignment(cmd, &in, []string{"kind"}, (*admin.Client).UnassignPackage, func(whose string) string {
		return fmt.Sprintf("No %s is assigned to %s any more.", in.Kind, whose)
	})
}

// assignment completes a command that says which package devices have: by change, once these flags are given, and said
// tells of it.
func (a *app) assignment(
	cmd *cobra.Command, in *admin.Assignment, flags []string,
	change func(*admin.Client, context.Context, admin.Assignment) (admin.Assigned, error), said func(whose string) string,
) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		whose, err := assignee(*in)
		if err := cmp.Or(wants(cmd, flags...), err); err != nil {
			return err
		}
		return a.withAdmin(cmd, func(c *admin.Client) error {
			done, err := change(c, cmd.Context(), *in)
			if err != nil {
				return err
			}
			return a.answer(done, func() error {
				a.say("%s %s", said(whose), a.told(done.Told))
				return nil
			})
		})
	}
	cmd.Flags().StringVar(&in.Profile, "profile", "", "the devices of this profile")
	cmd.Flags().StringVar(&in.Device, "device", "", "this device")
	a.jsonFlag(cmd)
	return cmd
}

func assignee(in admin.Assignment) (string, error) {
	switch {
	case (in.Profile == "") == (in.Device == ""):
		return "", &usageError{errors.New("give either --profile NAME or --device NAME")}
	case in.Profile != "":
		return "profile " + in.Profile, nil
	}
	return "device " + in.Device, nil
}

// assigned shows the packages of a profile, or of a device by itself.
func (a *app) assigned(to registry.Assigned) {
	a.field("firmware", joined(to.Firmware.Title, to.Firmware.Version))
	a.field("software", joined(to.Software.Title, to.Software.Version))
}

func (a *app) told(devices int) string {
	if devices == 1 {
		return "One device was told."
	}
	return a.Count(devices) + " devices were told."
}

func (a *app) packagesDelete() *cobra.Command {
	var in admin.NewPackage
	var yes bool
	cmd := &cobra.Command{
		Use: "delete", Short: "Delete a package that is not assigned", Args: args(0, ""),
		Long:    "Delete a package that is not assigned. A device that is loading it does not get the rest.",
		Example: "  gridtie packages delete --kind firmware --title meter --version 1 --yes\n  gridtie packages list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wants(cmd, "kind", "title", "version"); err != nil {
				return err
			}
			if !yes {
				return &failure{errors.New("deleting a package cannot be undone"), "repeat the command with --yes"}
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				if err := c.DeletePackage(cmd.Context(), in.Kind, in.Title, in.Version); err != nil {
					return err
				}
				a.talk("The %s %s of version %s was deleted.", in.Kind, in.Title, in.Version)
				return nil
			})
		},
	}
	packageFlags(cmd, &in.Kind, &in.Title, &in.Version)
	cmd.Flags().BoolVar(&yes, "yes", false, "delete it indeed")
	return cmd
}
