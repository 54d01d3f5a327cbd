// Package export_attune_automation_on_timer runs when a moment comes that the plugin had set itself.
package export_attune_automation_on_timer

import (
	types "go.bytecodealliance.org/pkg/wit/types"
	attune "wit_component/attune_types_types"
	"wit_component/birthday"
)

// Handle greets.
func Handle(key string, due uint64, note string) types.Result[types.Unit, attune.Failure] {
	return birthday.Run(birthday.LookAtTheDay)
}
