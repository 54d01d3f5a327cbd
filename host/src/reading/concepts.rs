//! What words stand for: sets of words and phrases that mean the same to a business.
//!
//! Those that rules name stand here; the wider ones that only the model weighs stand in `concepts.tsv`, a line each: the
//! concept, a TAB, phrases with `_` between their words. Never says what a text asks for: that is `intent`'s.

use std::sync::LazyLock;

use super::words::{Phrases, Token};

/// A set of concepts, one bit each.
pub(super) type Set = u128;

macro_rules! concepts {
    ($($(#[$doc:meta])* $name:ident = $words:literal;)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "numbers the bits of the sets")]
        enum Number { $($name),* }
        $($(#[$doc])* pub(super) const $name: Set = 1 << Number::$name as u32;)*
        /// All words and phrases (`_` between words) of each concept; accents and case do not matter.
        const CONCEPTS: &[(Set, &str)] = &[$(($name, $words)),*];
        /// How many there are.
        const NAMED: u32 = [$(Number::$name as u32),*].len() as u32;
    };
}

concepts! {
    /// A thing that was ordered.
    THING = "order orders ordered oder parcel parcels package packages pacakge packge pkg shipment shipments delivery \
        deliveries purchase purchases item items stuff_i_bought stuff_i_ordered thing_i_bought thing_i_ordered \
        bestellung bestellungen bestellt paket pakete paeckchen packchen lieferung sendung ware commande commandes \
        colis livraison paquet pedido pedidos paquete paquetes envio compra encargo things_i_ordered what_i_ordered \
        what_i_bought";
    /// One that can mean something else, so it needs a stronger question beside it.
    GOODS = "shoes dress shirt jacket books gift stuff schuhe kleid hose jacke zapatos chaussures \
        vestido robe product products produit producto produkt artikel articulo article";
    /// Asks where it is.
    WHERE = "where_is where_are where_is_my where_s wheres where_the where_my where_in where_was whereabouts \
        whats_the_location location_of where_did where_has where_can_i_see where_do_i_find find_my find_out_where \
        wo_ist wo_bleibt wo_sind wo_steckt wo_bleiben wann_kommt wo_befindet ou_est ou_en_est ou_se_trouve ou_sont \
        ou_reste donde_esta donde_se_encuentra donde_estan donde_anda donde_queda por_donde where_abouts locate";
    /// Asks when it comes.
    WHEN = "when when_will when_is when_does when_do when_can when_should how_long how_soon how_much_longer what_day \
        what_date what_time eta wann wie_lange bis_wann quand dans_combien combien_de_temps cuando cuanto_tarda \
        cuanto_tardara cuanto_falta ya_han ya_ha ya_se_ha";
    /// Comes, arrives, is sent.
    ARRIVE = "arrive arrives arrived arriving come comes coming came get_here gets_here got_here getting_here \
        delivered deliver delivering ship shipped ships shipping dispatched dispatch sent_out been_sent \
        out_for_delivery distributed dropped_off here showed_up brought be_tracked show_up shows_up turned_up \
        get_to_me reach_me reach receive received receiving here_yet be_here make_it gotten kommt ankommt angekommen \
        ankommen geliefert verschickt versendet versandt zugestellt unterwegs abgeschickt liefern ankunft kommen \
        losgeschickt erhalten arrive_t_elle arriver arrivera arrivee livre livree expedie expediee envoye envoyee \
        recevoir recu llega llegar llegara llegado llego entregado entregan entrega enviado enviaron recibir recibire \
        recibido recibo en_camino en_route";
    /// Has not come.
    STILL_NOT = "still_hasnt still_has_not hasnt_arrived hasnt_come has_not_arrived has_not_come never_arrived \
        never_came never_showed not_arrived didnt_arrive did_not_arrive not_come hasnt_shown hasnt_been_delivered \
        not_been_delivered still_waiting still_havent havent_received havent_gotten havent_got have_not_received \
        not_received never_received didnt_receive did_not_receive didnt_get still_not waiting_for waiting_on is_late \
        running_late not_here isnt_here hasnt_shipped not_shipped overdue lost_in_the_mail missing noch_nicht \
        immer_noch_nicht nicht_angekommen nicht_da nicht_gekommen nicht_erhalten noch_nichts warte_auf warte_noch \
        warte_immer nie_angekommen pas_encore pas_recu rien_recu toujours_pas jamais_recu jamais_arrive jattends \
        pas_arrive pas_arrivee aun_no todavia_no no_ha_llegado no_llega no_llego no_he_recibido no_me_ha_llegado \
        sigo_esperando estoy_esperando nunca_llego sin_recibir";
    /// Asks how it stands.
    STATUS = "status state_of update updates progress update_on track tracking trace follow whats_happening \
        what_happened whats_going_on what_is_happening news_on any_news check_on checking_on whats_up_with stand_der \
        stand_meiner stand_meines sendungsverfolgung verfolgen sendungsnummer lieferstatus bestellstatus suivi suivre \
        statut etat_de etat_d seguimiento rastrear rastreo estado_de estado_del estado_actual neues_zu was_ist_mit \
        was_macht nouvelles_de noticias_de que_pasa_con que_paso_con quedo_mi lieferdatum liefertermin \
        que_ha_pasado_con hows_my how_is_my hows_the";
    /// Follows a parcel: enough of itself.
    TRACK = "track_my tracking_number tracking_info tracking_information tracking_link tracking_code tracking_for \
        tracking_on track_order track_package track_the track_a_package track_an_order track_this sendungsverfolgung \
        sendungsnummer tracking_nummer lieferstatus bestellstatus order_status delivery_status shipping_status \
        shipment_status status_of_order where_is_my_order tracking_id suivi_de suivre_ma suivre_mon numero_de_suivi \
        numero_de_seguimiento codigo_de_seguimiento rastrear_mi seguimiento_de";
    /// Asks whether.
    WHETHER = "check_if check_to_see able_to has have did is was are will does any_idea hat ist wurde wird kommt \
        est_ce ha fue esta va_a a_t_elle a_t_il can_i could_i can_you could_you do_you_know i_want_to_know \
        i_need_to_know tell_me let_me_know find_out";
    /// The writer's own.
    MY = "my our mine i ive im we mein meine meiner meinem meinen meines unsere unser ich mon ma mes notre je jai mi \
        mis nuestro me he our the das die der this";
    /// Buying, not asking after it.
    PURCHASE = "like_to_order want_to_order place_an_order place_order place_a_order can_i_order how_do_i_order \
        how_to_order to_order_a order_a order_some order_me order_more can_you_order reorder please_order order_new \
        order_another in_order_to mail_order order_checks put_in_an_order make_an_order lets_order let_us_order \
        bestellen_mochte order_from mochte_bestellen order_food order_pizza order_for_me alphabetical_order \
        credit_limit out_of_order court_order order_my_new postal_order money_order in_order do_you_deliver \
        you_deliver do_you_ship you_ship liefern_sie liefert_ihr verschicken_sie livrez_vous vous_livrez expediez_vous \
        hacen_envios shipping_cost delivery_cost delivery_fee shipping_fee cost_of_shipping cost_of_delivery \
        lieferkosten versandkosten frais_de_livraison gastos_de_envio coste_de_envio how_much_is_shipping \
        how_much_is_delivery i_order_a order_an";
    /// Ending an order or appointment.
    CANCEL = "cancel cancelled cancelling canceling canceled cancellation cancle call_off storniere stornieren storno \
        stornierung absagen abzusagen sage_ab absage annuler annulation annulez annule cancelar cancelacion cancelen \
        anular";
    /// Was ended by somebody else.
    WAS_CANCELLED = "was_cancelled been_cancelled got_cancelled is_cancelled were_cancelled you_cancelled was_canceled \
        been_canceled is_canceled you_canceled wurde_storniert wurde_abgesagt a_ete_annule a_ete_annulee fue_cancelado \
        fue_cancelada";
    /// Changing.
    CHANGE = "change changing changed modify edit amend alter update_my swap switch correct andern aendern anderung \
        umandern anpassen changer modifier modification cambiar modificar cambio wrong_address wrong_size \
        different_address add_to remove_from different_size another_address";
    /// What of an order can be changed.
    DETAIL = "address size color colour quantity adresse lieferadresse grosse farbe menge taille couleur quantite \
        direccion talla cantidad shipping_address delivery_address";
    /// Sending back, money back.
    RETURN = "return returning returns send_back send_it_back send_this_back send_them_back bring_back zuruckgeben \
        zurueckgeben zuruckschicken zuruckzuschicken zurucksenden retoure retournieren umtauschen umtausch retourner \
        renvoyer retour devolver devolucion echanger exchange rucksendung retourenschein return_label";
    /// Money back: enough of itself.
    REFUND = "refund refunds refunded money_back my_money_back reimburse reimbursed reimbursement ruckerstattung \
        erstattung erstatten ruckzahlung geld_zuruck remboursement rembourser rembourse remboursez rembourse_moi \
        reembolso reembolsar devolucion_del_dinero devuelvan_el_dinero devolver_el_dinero return_policy return_label \
        ruckgabe rucksendung retoure ruckgaberecht mein_geld";
    /// What "return" also means.
    OTHER_RETURN = "return_call return_my_call return_flight return_ticket tax_return return_trip return_to round_trip \
        tax_returns interest_returns in_return retour_aller aller_retour de_retour";
    /// Words of a complaint.
    COMPLAIN = "complaint complain complaining unacceptable outrageous ridiculous disgraceful appalling awful terrible \
        horrible disgusting worst_service worst_company worst_customer rip_off ripoff scam rude disappointed \
        disappointing fed_up furious angry disgusted pathetic frechheit unverschamt unverschamtheit beschwerde \
        beschweren unmoglich_von inakzeptabel saftladen enttauscht enttauschend unzumutbar sauerei katastrophe \
        unter_aller_sau plainte reclamation inadmissible scandaleux honteux inacceptable decu decue une_honte \
        lamentable decevant queja quejarme reclamo reclamacion inaceptable verguenza vergonzoso indignante pesimo \
        pesima decepcionado decepcionada horroroso estafa joke_of_a_company";
    /// Something arrived wrong.
    DEFECT = "broken damaged defective faulty wrong_item wrong_order wrong_product doesnt_work does_not_work \
        not_working smashed torn cracked incorrect_item not_what_i_ordered something_is_missing item_missing kaputt \
        beschadigt defekt falsch_geliefert falsche_ware funktioniert_nicht zerbrochen casse cassee abime abimee \
        endommage endommagee defectueux ne_marche_pas ne_fonctionne_pas roto rota danado danada defectuoso defectuosa \
        no_funciona equivocado equivocada";
    /// Complains: enough of itself.
    COMPLAIN_SURE = "make_a_complaint file_a_complaint complain_about lodge_a_complaint want_to_complain \
        like_to_complain worst_service worst_company worst_customer_service this_is_unacceptable unacceptable \
        das_ist_eine_frechheit frechheit unverschamtheit mich_beschweren beschwerde_einreichen porter_plainte \
        cest_inadmissible inadmissible inacceptable cest_une_honte cest_scandaleux poner_una_queja quiero_quejarme \
        poner_una_reclamacion es_una_verguenza inaceptable que_verguenza saftladen disgraceful";
    /// Reaching somebody.
    TALK = "talk talk_to speak speak_to speak_with talk_with chat_with connect connect_me transfer transfer_me \
        put_me_through get_me reach contact call_me_back speaking_to sprechen reden verbinden verbinde verbinden_sie \
        ansprechpartner erreichen telefonieren parler joindre contacter appelez_moi passez_moi passer hablar \
        comunicarme pasame paseme pongame llamenme contactar need want like_to get mochte brauche will veux voudrais \
        besoin quiero necesito quisiera give_me let_me can_i please bitte svp por_favor";
    /// Speaking, in the narrower sense.
    SPEAK = "talk_to talk_with speak_to speak_with chat_with connect_me transfer_me put_me_through sprechen reden \
        verbinden parler hablar comunicarme speaking_to talk_with speak_directly talk_directly pasame paseme \
        passez_moi";
    /// A person: enough of itself beside TALK.
    PERSON = "human humans person people real_person live_person agent agents representative rep operator human_being \
        live_agent customer_service_rep someone somebody anyone manager supervisor employee staff_member associate \
        real_human customer_service_agent advisor adviser mensch menschen mitarbeiter mitarbeiterin jemand jemandem \
        jemanden berater sachbearbeiter kundenberater kundenbetreuer vorgesetzten humain personne quelquun conseiller \
        conseillere agente_humano humano persona alguien agente asesor operador encargado responsable un_etre_humain \
        etre_humain vrai_humain vraie_personne";
    /// A person beyond doubt.
    HUMAN = "human real_person live_person live_agent human_being real_human actual_person actual_human \
        echten_menschen echter_mensch echten_mitarbeiter richtigen_menschen echte_person einen_menschen human_agent \
        human_please humain real_people actual_people real_agent vraie_personne un_conseiller humano persona_real \
        persona_de_verdad agente_humano representative live_representative live_chat_agent customer_service_rep \
        einem_menschen vrai_conseiller mitarbeiter_sprechen";
    /// Somebody of whom one wants something else: no wish to talk.
    OTHER_PERSON = "in_person per_person for_someone for_a_person someone_else another_person somebody_else \
        know_someone travel_agent real_estate_agent some_people many_people most_people how_many_people people_in \
        personne_ne someone_stole someone_used someone_has someone_took someone_is somebody_is send_money pay_someone \
        add_someone talk_about speak_about human_resources jemand_anders";
    /// Called by phone.
    CALL_ME = "call_me_back call_me_please please_call_me phone_me ring_me_back ruckruf rufen_sie_mich zuruckrufen \
        rufen_sie_mich_an rappelez_moi appelez_moi llamenme llameme que_me_llamen someone_call_me";
    /// A machine.
    BOT = "bot robot an_ai chatbot machine computer automated roboter maschine ki bots robots maquina ordinateur \
        artificial_intelligence program computer_program automate kunstliche_intelligenz automatisch";
    /// You are.
    YOU_ARE = "are_you are_u r_u you_are youre bist_du sind_sie bin_ich spreche_ich schreibe_ich es_tu etes_vous tu_es \
        vous_etes eres es_usted am_i is_this is_that you_a are_we hablo_con estoy_hablando ist_das est_ce rede_ich \
        chatte_ich je_parle parle_je do_i_speak ist_hier if_you_are if_youre were_you";
    /// Being, asked of somebody.
    REAL = "human real_person real a_person robot bot an_ai machine a_computer live_person mensch echt roboter humain \
        robot persona humano maquina bot chatbot someone_real alive real_human human_or personne_reelle vraie_personne \
        echter_mensch computer_program program";
    /// An appointment.
    APPOINTMENT = "appointment appointments appt apt booking reservation reservations termin termine terminen rdv \
        rendez_vous reservierung reserva cita citas consultation haircut checkup check_up meeting session turno \
        behandlung beratungstermin seance";
    /// Booking.
    BOOK = "book booking schedule make set_up reserve arrange get need want like_to buchen vereinbaren ausmachen \
        reservieren brauche machen mochte prendre reserver fixer voudrais besoin reservar pedir agendar concertar \
        quiero necesito sacar";
    /// Booking, beyond doubt.
    BOOK_SURE = "book_an make_an_appointment schedule_an book_a set_up_an_appointment make_a_reservation \
        make_a_booking book_a_table new_appointment need_an_appointment need_an_appt want_an_appointment \
        like_an_appointment get_an_appointment an_appointment_for termin_vereinbaren termin_ausmachen termin_buchen \
        einen_termin termin_machen tisch_reservieren neuen_termin prendre_rdv prendre_rendez_vous prendre_un_rdv \
        prendre_un_rendez_vous un_rdv un_rendez_vous reserver_une_table pedir_cita pedir_una_cita reservar_una \
        una_cita agendar_una_cita sacar_cita concertar_una_cita reservar_cita";
    /// Another time.
    MOVE = "reschedule rescheduling rebook postpone push_back move move_my change_my change_the different_time \
        another_time another_day different_day later_time earlier_time other_time switch move_it change_it push_it \
        bring_forward later earlier verschieben verlegen umbuchen anderen_termin spater andern anderer_tag andere_zeit \
        deplacer decaler reporter changer repousser avancer modifier mover cambiar aplazar posponer reprogramar \
        adelantar otra_hora otro_dia autre_jour autre_heure";
    /// Another time, beyond doubt.
    MOVE_SURE = "reschedule rescheduling umbuchen reprogramar reprogrammer postpone_my";
    /// Cannot come.
    CANNOT_COME = "cant_make cannot_make cant_come cannot_come wont_make not_be_able_to_make unable_to_make \
        wont_be_able cant_attend unable_to_attend not_coming kann_nicht_kommen nicht_kommen schaffe_es_nicht \
        kann_leider_nicht peux_pas_venir pourrai_pas_venir ne_peux_pas ne_pourrai_pas no_puedo_ir no_puedo_asistir \
        no_podre_ir no_podre_asistir no_puedo_acudir won_t_make cant_do";
    /// Agreeing.
    CONFIRM = "confirm confirmed confirming ill_be_there i_will_be_there see_you_then see_you_there well_be_there \
        we_will_be_there see_you_tomorrow count_me_in bestatige bestatigen bestatigt ich_komme wir_kommen bin_dabei \
        je_confirme confirme confirmer je_serai jy_serai je_viens confirmo confirmar confirmado alli_estare ahi_estare \
        estare_alli confirmada i_am_coming im_coming";
    /// Coming, beyond doubt.
    COMING = "ill_be_there i_will_be_there well_be_there we_will_be_there see_you_then ich_komme_gerne i_confirm \
        ich_bestatige jy_serai je_serai_la je_confirme confirmo alli_estare ahi_estare ich_werde_da_sein bin_da";
    /// Being open.
    OPEN = "open opens opened opening close closes closing closed geoffnet offen auf_haben offnet schliesst \
        geschlossen ouvert ouverts ouverte ouvrez ouvre fermez ferme fermes fermeture abierto abiertos abren abre \
        cierran cierra cerrado abrir hours";
    /// Opening hours: enough of itself.
    HOURS = "opening_hours business_hours opening_times hours_of_operation store_hours your_hours working_hours \
        office_hours are_you_open you_open closing_time opening_time when_do_you_open when_do_you_close \
        what_time_do_you_open what_time_do_you_close are_you_closed open_on_sunday open_on_saturday open_today \
        open_tomorrow open_now still_open what_are_your_hours offnungszeiten oeffnungszeiten geoffnet haben_sie_auf \
        habt_ihr_auf habt_ihr_offen haben_sie_offen habt_ihr_heute_auf wann_macht_ihr_auf offnet_ihr \
        haben_sie_heute_offen haben_sie_geoffnet horaires heures_douverture etes_vous_ouvert etes_vous_ouverts \
        vous_ouvrez ouvrez_vous fermez_vous vous_fermez horario horarios a_que_hora_abren a_que_hora_cierran \
        estan_abiertos hora_abren hora_cierran how_late_are_you when_are_you_open open_until open_till";
    /// Opening something else.
    OTHER_OPEN = "open_an_account open_account open_a_bank open_a open_an open_the open_up account open_my close_my \
        close_account bank savings app konto compte cuenta";
    /// You, a shop.
    YOU = "you your shop store salon office clinic practice bakery restaurant ihr sie laden geschaft praxis vous \
        magasin boutique cabinet tienda local ustedes consulta";
    /// What it costs.
    PRICE = "how_much_is how_much_does how_much_do how_much_are how_much_for how_much_would how_much_will how_much_it \
        whats_the_price what_is_the_price price_of prices price_list pricing price_for whats_the_cost \
        what_does_it_cost what_do_you_charge how_much_to do_you_charge cost_of was_kostet was_kosten wie_viel_kostet \
        wieviel_kostet wie_teuer wieviel_kosten preis preise preisliste was_wurde_kosten combien_coute \
        combien_ca_coute ca_coute_combien combien_coutent quel_est_le_prix tarif tarifs prix cest_combien \
        cuanto_cuesta cuanto_cuestan cuanto_vale precio precios tarifa cuanto_sale cuanto_cobran a_cuanto cost costs \
        costing";
    /// An amount that is the writer's, not a price.
    NOT_PRICE = "my_balance do_i_owe i_owe do_i_have i_have have_left did_i_spend i_spend in_my_account do_i_make bank \
        my_bill credit interest account transfer exchange_rate exchange_fee was_charged charged_me been_charged \
        why_was_i at_all_costs my_checking taxes top_up withdraw card how_much_is_my how_much_is_left how_much_are_my \
        you_start tax usd euros dollars paycheck exchange";
    /// Thanking.
    THANKS = "thanks thank thank_you thx thanx ty cheers_for tysm danke dankeschon vielen_dank besten_dank \
        herzlichen_dank dank merci gracias muchas_gracias appreciate_it much_appreciated appreciated thankyou \
        merci_beaucoup mercis";
    /// Thanking in advance, or for nothing: manners and mockery, not thanks.
    NOT_THANKS = "thanks_in_advance thank_you_in_advance danke_im_voraus vielen_dank_im_voraus merci_davance \
        gracias_de_antemano thanks_for_nothing thanks_a_lot_for_nothing danke_fur_nichts merci_pour_rien \
        gracias_por_nada would_appreciate id_appreciate say_thank say_thanks no_thanks no_thank nein_danke non_merci \
        no_gracias give_thanks thanks_giving thank_you_note thank_you_card thank_you_letter";
    /// Greeting.
    GREETING = "hi hello hey hiya howdy good_morning good_afternoon good_evening greetings hallo hi_there guten_tag \
        guten_morgen guten_abend moin servus gruss_gott gruezi bonjour bonsoir salut coucou hola buenos_dias \
        buenas_tardes buenas_noches buenas buen_dia hey_there yo";
    /// Parting.
    GOODBYE = "bye goodbye good_bye bye_bye see_you see_ya cya farewell take_care have_a_good_day have_a_nice_day \
        have_a_great_day good_night see_you_later talk_to_you_later ttyl later_gator tschuss tschuess auf_wiedersehen \
        bis_bald bis_dann bis_morgen schonen_tag_noch schonen_abend_noch ciao au_revoir a_bientot bonne_journee \
        bonne_soiree adios hasta_luego hasta_pronto hasta_manana chao nos_vemos que_tenga_buen_dia";
    /// No more messages.
    OPT_OUT = "unsubscribe unsubscribe_me opt_out stop_texting stop_messaging stop_emailing stop_sending \
        stop_contacting stop_spamming dont_text_me dont_message_me dont_contact_me do_not_contact dont_email_me \
        do_not_text do_not_email_me no_more_messages no_more_texts no_more_emails remove_me take_me_off off_your_list \
        off_this_list stop_these_messages stop_the_messages stop_writing_me leave_me_alone abmelden \
        keine_nachrichten_mehr keine_mails_mehr keine_sms_mehr keine_werbung newsletter_abbestellen \
        nicht_mehr_schreiben horen_sie_auf_mir aus_dem_verteiler me_desabonner desabonnez desabonner me_desinscrire \
        plus_de_messages ne_plus_recevoir arretez_de_menvoyer darme_de_baja dar_de_baja no_me_escriban no_mas_mensajes \
        dejen_de_escribirme no_quiero_recibir dejen_de_enviarme deme_de_baja";
    /// An order's number, or the sign before it.
    NUMBERED = "";
    /// Money that moves, which in these rules is nobody's order.
    BANKING = "transfer deposit atm cheque checks pin passport visa credit debit bank account top_up topup flight loan \
        mortgage currency exchange luggage reservation exchange_rate routing paycheck paychecks refill tax taxes w2 \
        w_2 vacation pto direct_deposit text email_me letter song alarm meal recipe food_take flights plane train bus \
        uber taxi weather movie baby visitor visitors holiday payday";
    /// Denying.
    NOT = "not dont no never nicht kein keine nie pas non jamais nunca didnt";
}

/// What only the model weighs.
const WIDER: &str = include_str!("concepts.tsv");

static PHRASES: LazyLock<Phrases<Set>> = LazyLock::new(|| {
    let mut wider: Vec<&str> = WIDER.lines().filter_map(|line| Some(line.split_once('\t')?.0)).collect();
    wider.sort_unstable();
    wider.dedup();
    let set = |name: &str| {
        let bit = wider.iter().position(|known| *known == name).map(|place| place as u32 + NAMED);
        bit.and_then(|bit| 1_u128.checked_shl(bit)).unwrap_or(0)
    };
    let lines = WIDER.lines().filter_map(|line| line.split_once('\t')).map(|(name, phrases)| (set(name), phrases));
    let lines = CONCEPTS.iter().copied().chain(lines);
    let entries = lines.flat_map(|(set, words)| words.split_whitespace().map(move |word| (word, set)));
    Phrases::new(entries, |one, other| one | other)
});

/// Every word and phrase that stands for something.
pub(super) fn phrases() -> impl Iterator<Item = &'static str> {
    let wider = WIDER.lines().filter_map(|line| Some(line.split_once('\t')?.1));
    CONCEPTS.iter().map(|(_, phrases)| *phrases).chain(wider).flat_map(str::split_whitespace)
}

/// A word or phrase of a text that stands for something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) concepts: Set,
    /// Where it stands in the text.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Which of the words it begins with, and how many it has.
    pub(super) first: usize,
    pub(super) words: usize,
}

/// Which concepts these words hold, and where.
pub(super) fn find(text: &str, tokens: &[Token], hits: &mut Vec<Hit>) -> Set {
    hits.clear();
    let mut present: Set = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.has_digit && is_order_number(text, token) {
            present |= NUMBERED;
            hits.push(Hit { concepts: NUMBERED, start: token.start, end: token.end, first: index, words: 1 });
        }
        let Some(from) = tokens.get(index..) else { break };
        PHRASES.at(from, |length, concepts| {
            let end = from.get(length - 1).map_or(token.end, |last| last.end);
            present |= concepts;
            hits.push(Hit { concepts, start: token.start, end, first: index, words: length });
        });
    }
    present
}

/// `#1001` and `1001`: whatever has a digit after `#`, else 4 to 12 digits that are no year and do not follow a `+`.
fn is_order_number(text: &str, token: &Token) -> bool {
    let before = text.get(..token.start as usize).and_then(|t| t.chars().next_back());
    let word = text.get(token.start as usize..token.end as usize).unwrap_or_default();
    let is_year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    let is_number = word.bytes().all(|b| b.is_ascii_digit()) && (4..=12).contains(&word.len());
    before == Some('#') || is_number && before != Some('+') && !is_year
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_concept_has_a_bit_of_its_own() {
        let wider: std::collections::BTreeSet<_> =
            WIDER.lines().filter_map(|line| line.split_once('\t')).map(|(name, _)| name).collect();
        assert!(wider.len() as u32 + NAMED <= u128::BITS, "{} and {NAMED}", wider.len());
        assert!(WIDER.lines().all(|line| line.split('\t').count() == 2), "each line is a concept and its phrases");
    }
}
