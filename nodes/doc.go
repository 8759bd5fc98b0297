// Package nodes is the standard set of node kinds and expression functions, put together as one catalog.
//
// Learn two things:
//
//   - [Standard] returns the catalog that `gridtie serve` runs chains on. A program that embeds the engine takes it as it
//     is, or takes single kinds from the family packages below this one and adds its own.
//   - [Services] is what the kinds need done. Each field is a small interface declared where it is used; *registry.Registry
//     satisfies all of them except those of provisioning, whose request waits in a context.
//
// [Markdown] and [FunctionsMarkdown] write the reference pages from the same catalog. Everything here is immutable and safe
// for concurrent use.
package nodes
