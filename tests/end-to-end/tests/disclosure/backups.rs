//! A vault's backup and restore, as its operator does them with the program.

use serde_json::json;

use crate::city::{CONTACT, City, NAME, OWNER, words};

#[test]
fn a_vault_restored_from_a_backup_knows_what_was_erased_since() {
    let mut city = City::new();
    city.agree("visits", |_| {});
    let visits = ["--agreement", "visits"];
    let read = city.reads("name", "home-visit", visits);
    let access = read["access"].as_str().unwrap().to_owned();
    // Another person, who stays.
    let token = city.program.token(&["--agency", OWNER]);
    let body = json!({
        "domain": "property",
        "resident_id": "110101199003070054",
        "values": { "name": NAME, "contact": CONTACT },
    });
    let (_, answer) = city.program.http_post(&format!("{}/v1/persons", city.process.url), &token, &body);
    let staying = format!("property/person/{}", answer["handle"].as_str().unwrap());

    // Of the vault that runs.
    let folder = city.program.folder().to_owned();
    let (backup, late) = (folder.join("backup"), folder.join("late"));
    let take = |to: &std::path::Path| -> Vec<String> {
        ["vault", "backup", to.to_str().unwrap(), "--agency", OWNER, "--json"].map(str::to_owned).to_vec()
    };
    let taken = city.program.result(&words(&take(&backup))).expect("a backup");
    assert_eq!(taken["vault"], "running", "{taken}");
    assert!(city.program.failure(&words(&take(&backup))).contains("exists already"));
    let several = ["vault", "backup", late.to_str().unwrap()];
    assert!(city.program.failure(&several).contains("--agency"), "there is more than one vault");
    let nobody = ["vault", "backup", late.to_str().unwrap(), "--agency", "nobody"];
    assert!(city.program.failure(&nobody).contains("no vault"));
    let erase = city.erase(OWNER);
    city.program.result(&words(&erase)).expect("it is erased");

    // Nothing is restored over a vault, nor where its keys are not.
    let restore = ["vault", "restore", backup.to_str().unwrap(), "--agency", OWNER, "--json"];
    assert!(city.program.failure(&restore).contains("exists already"));
    city.process.kill();
    let taken = city.program.result(&words(&take(&late))).expect("a backup of what a crash left");
    assert_eq!(taken["vault"], "stopped", "{taken}");
    let vault = city.program.data().join("agencies").join(OWNER).join("vault");
    let aside = folder.join("aside");
    std::fs::rename(&vault, &aside).unwrap();
    std::fs::create_dir(&vault).unwrap();
    assert!(city.program.failure(&restore).contains("the keys that open the backup"));
    std::fs::rename(aside.join("kek"), vault.join("kek")).unwrap();
    let none = ["vault", "restore", folder.to_str().unwrap(), "--agency", OWNER];
    assert!(city.program.failure(&none).contains("no backup"));
    city.program.result(&restore).expect("the vault is restored");

    // The backup has what was erased; the vault that is made of it does not give it.
    city.process = city.program.up();
    let (status, answer) = city.release(&access);
    assert_eq!((status, &answer["code"]), (403, &"erased".into()), "{answer}");
    city.refused("name", "home-visit", visits, "erased");
    city.record = staying;
    assert_eq!(city.reads("name", "home-visit", visits)["fields"], json!({ "name": NAME }));
    city.end();
}
