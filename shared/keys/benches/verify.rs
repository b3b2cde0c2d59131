//! What a signature costs: to make, and to check alone, in batches, with wrong ones among them, on two threads.
//! Messages of 1 KB by one and by eight agencies.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hutong_keys::{
    Claim, SigningKey, VerifierCache, verify_batch, verify_batch_in, verify_strict, verify_zip215,
};

const PREFIX: &[u8] = b"bench\0";

fn messages(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_be_bytes().repeat(128)).collect()
}

fn claims(messages: &[Vec<u8>], agencies: usize) -> Vec<Claim<'_>> {
    let keys: Vec<SigningKey> = (0..agencies).map(|n| SigningKey::from_seed(&[n as u8; 32])).collect();
    let sign = |(n, message): (usize, &'_ Vec<u8>)| {
        let key = &keys[n % agencies];
        (key.public(), key.sign(&[PREFIX, message].concat()))
    };
    messages
        .iter()
        .enumerate()
        .map(|(n, message)| {
            let (key, signature) = sign((n, message));
            Claim { key, prefix: PREFIX, message, signature }
        })
        .collect()
}

fn single(c: &mut Criterion) {
    let messages = messages(1);
    let claims = claims(&messages, 1);
    let cache = VerifierCache::default();
    let key = SigningKey::from_seed(&[0; 32]);
    let joined = [PREFIX, &messages[0]].concat();
    c.bench_function("sign", |b| b.iter(|| key.sign(black_box(&joined))));
    c.bench_function("zip215 single", |b| b.iter(|| verify_zip215(black_box(&claims[0]), &cache)));
    c.bench_function("strict single", |b| {
        b.iter(|| verify_strict(&claims[0].key, black_box(&joined), &claims[0].signature))
    });
}

fn batch(c: &mut Criterion) {
    let messages = messages(2048);
    let cache = VerifierCache::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    for agencies in [1, 8] {
        let all = claims(&messages, agencies);
        let mut group = c.benchmark_group(format!("batch, {agencies} agencies"));
        for size in [16, 64, 128, 256, 512, 2048] {
            group.throughput(Throughput::Elements(size as u64));
            group.bench_with_input(BenchmarkId::new("one thread", size), &all[..size], |b, claims| {
                b.iter(|| verify_batch(claims, &cache))
            });
        }
        group.bench_function("two threads/2048", |b| b.iter(|| verify_batch_in(&pool, &all, &cache)));
        let mut wrong = all.clone();
        wrong[100].signature[0] ^= 1;
        group.bench_function("one wrong/2048", |b| b.iter(|| verify_batch(&wrong, &cache)));
        wrong.iter_mut().for_each(|claim| claim.signature[40] ^= 1);
        group.bench_function("all wrong/2048", |b| b.iter(|| verify_batch(&wrong, &cache)));
        group.finish();
    }
}

criterion_group!(benches, single, batch);
criterion_main!(benches);
