/* Wishes customers a happy birthday: once a year, from nine in the morning by their own clock, in their language, and only
   if they agreed to such messages.

   A birthday comes with an event of the type `customer.birthday.v1` and the data
   `{"customer": {...}, "birthday": "1992-02-29"}`; `02-29` will do. Only day and month are kept, as the fact `birthday`.
   Whoever was born on 29 February is greeted on 1 March where there is none: never before the day.

   Consent, STOP and quiet hours are the host's to see to. A greeting that cannot go out on the day does not go out.

   Memory is never given back: every run starts from a fresh one and lasts milliseconds. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

typedef plugin_string_t string;
typedef attune_types_types_refusal_t refusal;
typedef attune_types_types_failure_t failure;
typedef attune_types_types_civil_t civil;

/* Month and day. */
typedef struct {
  uint8_t month, day;
} date;

#define TEXT(literal) ((string){(uint8_t *)(literal), sizeof(literal) - 1})

static bool is(string left, string right) { return left.len == right.len && memcmp(left.ptr, right.ptr, left.len) == 0; }

static string join(const string *parts, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += parts[i].len;
  string whole = {malloc(bytes + 1), 0};
  assert(whole.ptr != NULL);
  for (size_t i = 0; i < count; i++) {
    memcpy(whole.ptr + whole.len, parts[i].ptr, parts[i].len);
    whole.len += parts[i].len;
  }
  return whole;
}

#define JOIN(...) join((string[]){__VA_ARGS__}, sizeof((string[]){__VA_ARGS__}) / sizeof(string))

/* A number with at least so many digits. */
static string number(unsigned value, size_t digits) {
  uint8_t *text = malloc(10);
  assert(text != NULL);
  size_t at = 10;
  while (value > 0 || 10 - at < digits) {
    text[--at] = (uint8_t)('0' + value % 10);
    value /= 10;
  }
  return (string){text + at, 10 - at};
}

/* Fails for good: a dead letter with this reason. */
static bool reject(failure *failed, string reason) {
  failed->tag = ATTUNE_TYPES_TYPES_FAILURE_REJECT;
  failed->val.reject = reason;
  return false;
}

static bool refused(failure *failed, refusal why) { return reject(failed, JOIN(why.code, TEXT(": "), why.text)); }

static bool is_space(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

/* What follows `"key":` in a JSON object. Inside of a JSON string every quote has a backslash before it, so nothing that
   somebody wrote is taken for the key. */
static string after_key(string json, string quoted_key) {
  for (size_t at = 0; at + quoted_key.len < json.len; at++) {
    if (memcmp(json.ptr + at, quoted_key.ptr, quoted_key.len) != 0) continue;
    size_t value = at + quoted_key.len;
    while (value < json.len && is_space(json.ptr[value])) value++;
    if (value == json.len || json.ptr[value] != ':') continue;
    do value++;
    while (value < json.len && is_space(json.ptr[value]));
    return (string){json.ptr + value, json.len - value};
  }
  return TEXT("");
}

/* The text between quotes at the start; empty where there is none. */
static string quoted(string json) {
  if (json.len == 0 || json.ptr[0] != '"') return TEXT("");
  size_t end = 1;
  while (end < json.len && json.ptr[end] != '"') end++;
  return (string){json.ptr + 1, end - 1};
}

static bool two_digits(const uint8_t *text, uint8_t *value) {
  for (int i = 0; i < 2; i++)
    if (text[i] < '0' || text[i] > '9') return false;
  *value = (uint8_t)((text[0] - '0') * 10 + text[1] - '0');
  return true;
}

/* Reads `1992-02-29` or `02-29`. The year is not looked at. */
static bool read_date(string text, date *read) {
  static const uint8_t DAYS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (text.len == 10 && text.ptr[4] == '-') text = (string){text.ptr + 5, 5};
  if (text.len != 5 || text.ptr[2] != '-') return false;
  if (!two_digits(text.ptr, &read->month) || !two_digits(text.ptr + 3, &read->day)) return false;
  return read->month >= 1 && read->month <= 12 && read->day >= 1 && read->day <= DAYS[read->month - 1];
}

/* When a birthday is celebrated in a year: 29 February is 1 March where there is none. */
static date in_year(date born, int year) {
  bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return born.month == 2 && born.day == 29 && !is_leap ? (date){3, 1} : born;
}

/* The hour from which on it greets. The host has filled in the schema's default. */
static uint8_t hour_set(void) {
  string settings;
  attune_host_settings_get(&settings);
  string value = after_key(settings, TEXT("\"hour\""));
  unsigned hour = 0;
  for (size_t i = 0; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9'; i++)
    hour = hour * 10 + value.ptr[i] - '0';
  return (uint8_t)hour;
}

static bool greet(const attune_types_types_profile_t *customer, string zone, civil today, failure *failed) {
  refusal why;
  uint64_t last_minute;
  civil end = {.year = today.year, .month = today.month, .day = today.day, .hour = 23, .minute = 59};
  if (!attune_host_business_to_instant(&end, &zone, &last_minute, &why)) return refused(failed, why);
  string name = customer->name.is_some ? JOIN(TEXT(", "), customer->name.val) : TEXT("");
  attune_host_message_tuple2_string_value_t values[] = {
      {TEXT("name"), {.tag = ATTUNE_HOST_MESSAGE_VALUE_TEXT, .val.text = name}},
  };
  attune_host_message_draft_t draft = {
      .purpose = TEXT("marketing"),
      .content = {.tag = ATTUNE_HOST_MESSAGE_CONTENT_TEMPLATE, .val.template_ = {TEXT("greeting"), {values, 1}}},
      .expires = {true, last_minute},
      .once = {true, JOIN(TEXT("birthday/"), number((unsigned)today.year, 4))},
  };
  attune_host_message_receipt_t receipt;
  return attune_host_message_send(&draft, &receipt, &why) || refused(failed, why);
}

/* Greets if today is the day, and sets the timer for the next time. It asks what is known now: since the timer was set the
   customer may have moved, and a host that was down wakes us late. */
static bool look_at_the_day(failure *failed) {
  refusal why;
  attune_types_types_profile_t customer;
  string birthday = TEXT("birthday"), noted, note = TEXT("");
  if (!attune_host_customer_current(&customer)) return reject(failed, TEXT("the event names no customer"));
  date born;
  if (!attune_host_customer_recall(&birthday, &noted) || !read_date(noted, &born)) return true;
  string zone = customer.zone.val;
  if (!customer.zone.is_some) {
    attune_host_business_business_t business;
    attune_host_business_current(&business);
    zone = business.zone;
  }
  uint8_t hour = hour_set();
  civil today;
  if (!attune_host_business_to_civil(attune_host_clock_now(), &zone, &today, &why)) return refused(failed, why);
  date day = in_year(born, today.year);
  bool is_today = today.month == day.month && today.day == day.day;
  bool is_past = today.month > day.month || (today.month == day.month && today.day > day.day);
  bool is_over = is_past || (is_today && today.hour >= hour);
  if (is_today && is_over && !greet(&customer, zone, today, failed)) return false;
  int year = today.year + (is_over ? 1 : 0);
  day = in_year(born, year);
  civil next = {.year = (int16_t)year, .month = day.month, .day = day.day, .hour = hour};
  uint64_t at;
  if (!attune_host_business_to_instant(&next, &zone, &at, &why)) return refused(failed, why);
  return attune_host_schedule_set(&birthday, at, &note, &why) || refused(failed, why);
}

bool exports_attune_automation_on_event_handle(string *kind, string *data, failure *failed) {
  if (!is(*kind, TEXT("customer.birthday.v1"))) return true;
  string told = quoted(after_key(*data, TEXT("\"birthday\"")));
  date born;
  if (!read_date(told, &born))
    return reject(failed, JOIN(TEXT("birthday `"), told, TEXT("` is no day such as 1992-02-29 or 02-29")));
  refusal why;
  string birthday = TEXT("birthday"), noted = JOIN(number(born.month, 2), TEXT("-"), number(born.day, 2));
  if (!attune_host_customer_notes_remember(&birthday, &noted, &why)) return refused(failed, why);
  return look_at_the_day(failed);
}

bool exports_attune_automation_on_timer_handle(string *key, uint64_t due, string *note, failure *failed) {
  (void)key, (void)due, (void)note;
  return look_at_the_day(failed);
}
