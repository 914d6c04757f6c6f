//! What the seam promises, of the real and of the simulated directory.

use std::io;

use super::FileSystem;

/// Runs each of these functions on a directory of both kinds.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_a_real_directory {
            $(#[test] fn $name() {
                let directory = tempfile::tempdir().unwrap();
                super::$name(&crate::file::DiskFileSystem::new(directory.path()));
            })*
        }
        mod on_a_simulated_directory {
            $(#[test] fn $name() {
                super::$name(&crate::file::simulated::SimulatedFileSystem::default());
            })*
        }
    };
}

on_both! {
    what_is_allocated_reads_as_zeros
    an_allocation_never_shortens
    a_cut_removes_the_end_for_good
    a_cut_never_lengthens
    a_file_opened_for_reading_only_stays_as_it_is
    what_is_opened_for_reading_only_must_be_there
    readers_share_the_directory_and_writers_do_not
    there_is_free_space
}

/// All bytes of a file.
fn contents(files: &dyn FileSystem, name: &str) -> Vec<u8> {
    let file = files.open_read_only(name).unwrap();
    let mut contents = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut contents, 0).unwrap();
    contents
}

fn what_is_allocated_reads_as_zeros(files: &dyn FileSystem) {
    let file = files.create("a").unwrap();
    file.write_at(b"abc", 0).unwrap();
    file.allocate(5).unwrap();
    file.sync().unwrap();
    assert_eq!(contents(files, "a"), b"abc\0\0");
    file.write_at(b"de", 2).unwrap();
    assert_eq!(contents(files, "a"), b"abde\0");
}

fn an_allocation_never_shortens(files: &dyn FileSystem) {
    let file = files.create("a").unwrap();
    file.write_at(b"abc", 0).unwrap();
    for bytes in 0..=3 {
        file.allocate(bytes).unwrap();
        assert_eq!(contents(files, "a"), b"abc");
    }
}

fn a_cut_removes_the_end_for_good(files: &dyn FileSystem) {
    let file = files.create("a").unwrap();
    file.write_at(b"abcdef", 0).unwrap();
    file.truncate(2).unwrap();
    file.sync().unwrap();
    assert_eq!(contents(files, "a"), b"ab");
    file.allocate(3).unwrap();
    assert_eq!(contents(files, "a"), b"ab\0");
    file.truncate(0).unwrap();
    assert_eq!(contents(files, "a"), b"");
}

fn a_cut_never_lengthens(files: &dyn FileSystem) {
    let file = files.create("a").unwrap();
    file.write_at(b"abc", 0).unwrap();
    for bytes in 3..6 {
        file.truncate(bytes).unwrap();
        assert_eq!(contents(files, "a"), b"abc");
    }
}

fn a_file_opened_for_reading_only_stays_as_it_is(files: &dyn FileSystem) {
    files.create("a").unwrap().write_at(b"abc", 0).unwrap();
    let file = files.open_read_only("a").unwrap();
    file.write_at(b"x", 0).unwrap_err();
    file.allocate(10).unwrap_err();
    file.truncate(1).unwrap_err();
    assert_eq!(contents(files, "a"), b"abc");
    let mut found = [0; 2];
    file.read_at(&mut found, 1).unwrap();
    assert_eq!(found, *b"bc");
    let past_the_end = file.read_at(&mut found, 2).unwrap_err();
    assert_eq!(past_the_end.kind(), io::ErrorKind::UnexpectedEof);
}

fn what_is_opened_for_reading_only_must_be_there(files: &dyn FileSystem) {
    let Err(error) = files.open_read_only("a") else { panic!("it is not there") };
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(files.list().unwrap(), Vec::<String>::new());
}

fn readers_share_the_directory_and_writers_do_not(files: &dyn FileSystem) {
    let writer = files.lock().unwrap();
    assert!(writer.is_some());
    assert!(files.lock_shared().unwrap().is_none());
    drop(writer);
    let first = files.lock_shared().unwrap();
    let second = files.lock_shared().unwrap();
    assert!(first.is_some() && second.is_some());
    drop(first);
    assert!(files.lock().unwrap().is_none());
    drop(second);
    assert!(files.lock().unwrap().is_some());
}

fn there_is_free_space(files: &dyn FileSystem) {
    assert!(files.free_bytes().unwrap() > 0);
}
