// Package birthday wishes customers a happy birthday: once a year, from nine in the morning by their own clock, in their
// language, and only if they agreed to such messages.
//
// A birthday comes with an event of the type customer.birthday.v1 and the data
// {"customer": {...}, "birthday": "1992-02-29"}; "02-29" will do. Only day and month are kept, as the fact "birthday".
// Whoever was born on 29 February is greeted on 1 March where there is none: never before the day.
//
// Consent, STOP and quiet hours are the host's to see to. A greeting that cannot go out on the day does not go out.
package birthday

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	types "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/attune_host_business"
	"wit_component/attune_host_clock"
	"wit_component/attune_host_customer"
	"wit_component/attune_host_customer_notes"
	"wit_component/attune_host_log"
	"wit_component/attune_host_message"
	"wit_component/attune_host_schedule"
	"wit_component/attune_host_settings"
	attune "wit_component/attune_types_types"
)

type date struct{ month, day uint8 }

// Run makes what a handler gives of an error. A panic's text and place reach the record of why through the log.
func Run(handler func() error) types.Result[types.Unit, attune.Failure] {
	defer func() {
		if reason := recover(); reason != nil {
			attune_host_log.Write(attune_host_log.LevelInfo, string(debug.Stack()))
			attune_host_log.Write(attune_host_log.LevelError, fmt.Sprint("panic: ", reason))
			panic(reason)
		}
	}()
	if err := handler(); err != nil {
		return types.Err[types.Unit, attune.Failure](attune.MakeFailureReject(err.Error()))
	}
	return types.Ok[types.Unit, attune.Failure](types.Unit{})
}

// Note takes down a birthday.
func Note(data string) error {
	var told struct{ Birthday string }
	_ = json.Unmarshal([]byte(data), &told)
	born, ok := read(told.Birthday)
	if !ok {
		return fmt.Errorf("birthday `%s` is no day such as 1992-02-29 or 02-29", told.Birthday)
	}
	noted := fmt.Sprintf("%02d-%02d", born.month, born.day)
	if _, err := check(attune_host_customer_notes.Remember("birthday", noted)); err != nil {
		return err
	}
	return LookAtTheDay()
}

// LookAtTheDay greets if today is the day, and sets the timer for the next time. It asks what is known now: since the timer
// was set the customer may have moved, and a host that was down wakes us late.
func LookAtTheDay() error {
	current := attune_host_customer.Current()
	if current.IsNone() {
		return errors.New("the event names no customer")
	}
	customer := current.Some()
	born, ok := read(attune_host_customer.Recall("birthday").SomeOr(""))
	if !ok {
		return nil
	}
	zone := customer.Zone.SomeOr("")
	if zone == "" {
		zone = attune_host_business.Current().Zone
	}
	// The host has filled in the schema's default.
	var settings struct{ Hour uint8 }
	if err := json.Unmarshal([]byte(attune_host_settings.Get()), &settings); err != nil {
		return err
	}
	today, err := check(attune_host_business.ToCivil(attune_host_clock.Now(), zone))
	if err != nil {
		return err
	}
	day := born.in(today.Year)
	isToday := date{today.Month, today.Day} == day
	isPast := today.Month > day.month || today.Month == day.month && today.Day > day.day
	isOver := isPast || isToday && today.Hour >= settings.Hour
	if isToday && isOver {
		if err := greet(customer, zone, today); err != nil {
			return err
		}
	}
	year := today.Year
	if isOver {
		year++
	}
	day = born.in(year)
	next := attune.Civil{Year: year, Month: day.month, Day: day.day, Hour: settings.Hour}
	at, err := check(attune_host_business.ToInstant(next, zone))
	if err != nil {
		return err
	}
	_, err = check(attune_host_schedule.Set("birthday", at, ""))
	return err
}

func greet(customer attune.Profile, zone string, today attune.Civil) error {
	end := today
	end.Hour, end.Minute = 23, 59
	lastMinute, err := check(attune_host_business.ToInstant(end, zone))
	if err != nil {
		return err
	}
	name := ""
	if customer.Name.IsSome() {
		name = ", " + customer.Name.Some()
	}
	type value = types.Tuple2[string, attune_host_message.Value]
	values := []value{{F0: "name", F1: attune_host_message.MakeValueText(name)}}
	_, err = check(attune_host_message.Send(attune_host_message.Draft{
		Purpose: "marketing",
		Content: attune_host_message.MakeContentTemplate(types.Tuple2[string, []value]{F0: "greeting", F1: values}),
		Expires: types.Some(lastMinute),
		Once:    types.Some(fmt.Sprintf("birthday/%d", today.Year)),
	}))
	return err
}

// read reads "1992-02-29" or "02-29". The year is not looked at.
func read(text string) (date, bool) {
	days := [...]uint8{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	if len(text) == 10 && text[4] == '-' {
		text = text[5:]
	}
	if len(text) != 5 || text[2] != '-' {
		return date{}, false
	}
	month, isMonth := twoDigits(text[:2])
	day, isDay := twoDigits(text[3:])
	if !isMonth || !isDay || month < 1 || month > 12 || day < 1 || day > days[month-1] {
		return date{}, false
	}
	return date{month, day}, true
}

func twoDigits(text string) (uint8, bool) {
	for _, digit := range []byte(text) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
	}
	return (text[0]-'0')*10 + text[1] - '0', true
}

// in tells when a birthday is celebrated in a year: 29 February is 1 March where there is none.
func (born date) in(year int16) date {
	isLeap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
	if born == (date{2, 29}) && !isLeap {
		return date{3, 1}
	}
	return born
}

// check makes an error of what the host refused.
func check[T any](result types.Result[T, attune.Refusal]) (T, error) {
	if result.IsErr() {
		refusal := result.Err()
		var none T
		return none, fmt.Errorf("%s: %s", refusal.Code, refusal.Text)
	}
	return result.Ok(), nil
}
