// Package export_attune_automation_on_event runs when an event comes in that is for plugins.
package export_attune_automation_on_event

import (
	types "go.bytecodealliance.org/pkg/wit/types"
	attune "wit_component/attune_types_types"
	"wit_component/birthday"
)

// Handle notes a birthday.
func Handle(kind string, data string) types.Result[types.Unit, attune.Failure] {
	return birthday.Run(func() error {
		if kind != "customer.birthday.v1" {
			return nil
		}
		return birthday.Note(data)
	})
}
