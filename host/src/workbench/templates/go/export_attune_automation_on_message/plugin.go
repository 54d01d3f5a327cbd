// Package export_attune_automation_on_message runs when a customer writes. It tells those who ask whether the business is
// open, and when it opens again.
package export_attune_automation_on_message

import (
	"fmt"
	"runtime/debug"
	"strings"

	types "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/attune_automation_on_message"
	"wit_component/attune_host_business"
	"wit_component/attune_host_clock"
	"wit_component/attune_host_log"
	"wit_component/attune_host_message"
	"wit_component/attune_host_settings"
	"wit_component/attune_host_understanding"
	attune "wit_component/attune_types_types"
)

type (
	result = types.Result[uint8, attune.Failure]
	value  = types.Tuple2[string, attune_host_message.Value]
)

var (
	passed   = types.Ok[uint8, attune.Failure](attune_automation_on_message.VerdictPassed)
	answered = types.Ok[uint8, attune.Failure](attune_automation_on_message.VerdictAnswered)
)

// Handle answers a message, or leaves it to others.
func Handle(message attune.Message) result {
	defer tellOfPanics()
	if !asksFor(message.Text, "opening-hours") {
		return passed
	}
	now := attune_host_clock.Now()
	if attune_host_business.IsOpen(now) {
		// For more than one setting, take encoding/json.
		if strings.Contains(attune_host_settings.Get(), `"only_when_closed":true`) {
			return passed
		}
		return reply("open", nil)
	}
	opens := attune_host_business.NextOpen(now)
	if opens.IsNone() {
		return passed
	}
	moment := attune.Moment{At: opens.Some(), Zone: attune_host_business.Current().Zone}
	return reply("closed", []value{{F0: "opens", F1: attune_host_message.MakeValueMoment(moment)}})
}

func asksFor(text, name string) bool {
	for _, intent := range attune_host_understanding.Intents(text) {
		if intent.Name == name && intent.Confidence >= 0.5 {
			return true
		}
	}
	return false
}

func reply(template string, values []value) result {
	content := attune_host_message.MakeContentTemplate(types.Tuple2[string, []value]{F0: template, F1: values})
	sent := attune_host_message.Send(attune_host_message.Draft{Purpose: "reply", Content: content})
	if sent.IsErr() {
		return types.Err[uint8, attune.Failure](attune.MakeFailureReject(sent.Err().Text))
	}
	return answered
}

// tellOfPanics writes a panic, with its place, into the record of why.
func tellOfPanics() {
	if reason := recover(); reason != nil {
		attune_host_log.Write(attune_host_log.LevelInfo, string(debug.Stack()))
		attune_host_log.Write(attune_host_log.LevelError, fmt.Sprint("panic: ", reason))
		panic(reason)
	}
}
