//! What Cal.com sends, as Attune's events.
//!
//! Source: Cal.com's "Webhooks" guide.

mod bindings;
mod write_back;

use attune_vendor::{Object, addresses, details, first, joined, list, millis, object, text};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct CalCom;

impl Guest for CalCom {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let mut body = object(&request.body).map_err(Rejection::Malformed)?;
        let trigger = text(&body, "/triggerEvent").ok_or_else(|| {
            Rejection::Malformed("there is no triggerEvent; take the custom payload template out at Cal.com".to_owned())
        })?;
        if trigger == "PING" {
            return Err(Rejection::Ignored("a ping".to_owned()));
        }
        // It opens the room to whoever has it, and no plugin needs it.
        for place in ["/payload/videoCallData", "/videoCallData"] {
            if let Some(Value::Object(call)) = body.pointer_mut(place) {
                call.remove("password");
            }
        }
        // What happens by the clock comes without an envelope, and its `createdAt` is the booking's.
        let payload = body.pointer("/payload").filter(|payload| payload.is_object());
        let booking = payload.unwrap_or(&body);
        let time = payload.and_then(|_| text(&body, "/createdAt"));
        let uid = first(booking, &["/uid", "/bookingUid"]);
        let at = time.clone().or_else(|| first(booking, &["/startTime", "/idempotencyKey"]));
        if uid.is_none() && at.is_none() {
            return Err(Rejection::Ignored(format!("{trigger} without a uid and a time is about no booking")));
        }
        let id = [Some(trigger.clone()), uid, at].into_iter().flatten().collect::<Vec<_>>().join(":");
        let (kind, data) = read(&trigger, booking, time.as_deref())?;
        Ok(vec![Incoming { kind, id, time, data: data.value().to_string() }])
    }
}

/// The event's type and data. A trigger that is not known, and one that says too little, is kept as it is.
fn read(trigger: &str, booking: &Value, time: Option<&str>) -> Result<(String, Object), Rejection> {
    let is_timed = text(booking, "/startTime").is_some();
    let missed = booker(booking).and_then(|booker| booker.pointer("/noShow")).and_then(Value::as_bool);
    let change = match trigger {
        "BOOKING_CREATED" if is_timed => Some("booked"),
        "BOOKING_RESCHEDULED" if is_timed => Some("moved"),
        "BOOKING_CANCELLED" | "BOOKING_REJECTED" => Some("cancelled"),
        "MEETING_ENDED" if text(booking, "/status").as_deref() == Some("CANCELLED") => {
            return Err(Rejection::Ignored("a cancelled meeting has ended".to_owned()));
        }
        "MEETING_ENDED" => Some(if missed == Some(true) { "missed" } else { "completed" }),
        // A mark that was taken back says that they were there.
        "BOOKING_NO_SHOW_UPDATED" => missed.map(|missed| if missed { "missed" } else { "completed" }),
        _ => None,
    };
    let uid = first(booking, &["/uid", "/bookingUid"]);
    Ok(match change.zip(uid) {
        Some((change, uid)) => {
            let appointment = appointment(trigger, booking, uid, time).with_object("extra", extra(trigger, booking));
            let data = Object::new().with("customer", Some(person(booking))).with("appointment", Some(appointment));
            (format!("attune.appointment.{change}.v1"), data)
        }
        None => {
            let data = Object::new().with_object("customer", person(booking)).with("calcom", Some(booking.clone()));
            (format!("calcom.{trigger}"), data)
        }
    })
}

fn appointment(trigger: &str, booking: &Value, uid: String, time: Option<&str>) -> Object {
    // A meeting that ended is newer than anything that was said of it before it did.
    let version = match time {
        Some(time) => millis(time),
        None => ["/updatedAt", "/endTime"].iter().filter_map(|place| millis(&text(booking, place)?)).max(),
    };
    let place = text(booking, "/location");
    Object::new()
        .with("id", Some(uid))
        .with("version", version)
        .with("replaces", text(booking, "/rescheduleUid").filter(|_| trigger == "BOOKING_RESCHEDULED"))
        .with("service", first(booking, &["/eventTitle", "/type"]))
        .with("starts", text(booking, "/startTime"))
        .with("ends", text(booking, "/endTime"))
        // The time that the booker saw when they chose it.
        .with("zone", booker(booking).and_then(|booker| text(booker, "/timeZone")))
        .with("staff", first(booking, &["/organizer/name", "/user/name"]))
        .with("place", place.filter(|place| !place.starts_with("integrations:")).or_else(|| meeting_url(booking)))
}

fn meeting_url(booking: &Value) -> Option<String> {
    first(booking, &["/videoCallData/url", "/metadata/videoCallUrl"])
}

fn extra(trigger: &str, booking: &Value) -> Object {
    let told = [
        ("status", "/status"),
        ("cancelled_by", "/cancelledBy"),
        ("rescheduled_by", "/rescheduledBy"),
        ("previous_start", "/rescheduleStartTime"),
        ("booking_id", "/bookingId"),
        ("price", "/price"),
        ("additional_notes", "/additionalNotes"),
        ("seats", "/seatsPerTimeSlot"),
    ];
    let reasons = match trigger {
        "BOOKING_RESCHEDULED" => ["/responses/rescheduleReason/value", "/rescheduleReason"],
        _ => ["/cancellationReason", "/rejectionReason"],
    };
    let email = booker(booking).and_then(|booker| text(booker, "/email"));
    let guests: Vec<String> = list(booking, "/attendees")
        .iter()
        .filter_map(|guest| text(guest, "/email"))
        .filter(|guest| Some(guest) != email.as_ref())
        .collect();
    let missed = booker(booking).and_then(|booker| booker.pointer("/noShow")).and_then(Value::as_bool);
    details(booking, &told)
        .with("reason", first(booking, &reasons))
        .with("meeting_url", meeting_url(booking))
        .with("currency", text(booking, "/price").and_then(|_| text(booking, "/currency")))
        .with("host_email", first(booking, &["/organizer/email", "/user/email"]))
        .with("guests", (!guests.is_empty()).then(|| guests.join(", ")))
        .with("no_show", missed.map(|missed| missed.to_string()))
}

/// Who booked: the attendee who filled in the form, else the first. The others are guests.
fn booker(booking: &Value) -> Option<&Value> {
    let attendees = list(booking, "/attendees");
    let email = text(booking, "/responses/email/value");
    let filled_in = |attendee: &&Value| email.is_some() && text(attendee, "/email") == email;
    attendees.iter().find(filled_in).or(attendees.first())
}

fn person(booking: &Value) -> Object {
    let booker = booker(booking).unwrap_or(&Value::Null);
    // Who books by telephone is given an address that nobody reads.
    let email = text(booker, "/email").or_else(|| text(booking, "/responses/email/value"));
    let email = email.filter(|email| !email.ends_with("@sms.cal.com"));
    let phones = ["attendeePhoneNumber", "smsReminderNumber", "phone"].map(|field| format!("/responses/{field}/value"));
    let phone = text(booker, "/phoneNumber")
        .or_else(|| phones.iter().find_map(|place| text(booking, place)))
        .or_else(|| text(booking, "/smsReminderNumber"));
    let name = text(booker, "/name")
        .or_else(|| joined([text(booker, "/firstName"), text(booker, "/lastName")]))
        .or_else(|| text(booking, "/responses/name/value"));
    Object::new()
        .with_list("addresses", addresses(email, phone))
        .with("name", name)
        .with("language", first(booker, &["/language/locale", "/locale"]))
        .with("zone", text(booker, "/timeZone"))
}
